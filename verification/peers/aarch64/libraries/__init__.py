"""The libraries, a module for each: `VERSION` and `calls`."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from layers import Layer


@dataclass(frozen=True)
class Call:
    """A pass of a layer in a library, ready to be called."""

    name: str
    """The pass."""
    layout: str
    """Order of the dimensions in memory."""
    layer: Layer
    """The layer, with the padding that the library has."""
    run: Callable[[], object]
    """What is counted."""
    result: Callable[[], np.ndarray]
    """What it has computed, in the order of the reference."""
