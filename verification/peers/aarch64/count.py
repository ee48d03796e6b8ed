"""Calls a library's layers, each once between markers. `cargo xtask peers` runs this.

    python3 count.py MARKER LIBRARY SHAPE…

MARKER is the library that marker.c makes. Before it is counted, a pass is called once: that prepares
what the library keeps, and its result is checked in f64. A line of JSON is printed for each region.
"""

import ctypes
import gc
import importlib
import json
import sys

import layers
from reference import Operands, Reference


def main(marker: str, library: str, shapes: list[str]) -> None:
    """Counts all passes of these layers."""
    mark = ctypes.CDLL(marker)
    module = importlib.import_module(f"libraries.{library}")
    for shape in shapes:
        layer = layers.parse(shape)
        operands = Operands.random(layer)
        for call in module.calls(layer, operands):
            call.run()
            worst = Reference(call.layer, operands).worst(call.name, call.result())
            if not worst <= 1:
                raise ValueError(f"{library}: {call.name} of {shape} is wrong: {worst} × the bound")
            gc.collect()
            gc.disable()
            mark.begin()
            call.run()
            mark.end()
            gc.enable()
            line = {
                "layer": shape,
                "library": library,
                "version": module.VERSION,
                "layout": call.layout,
                "pass": call.name,
                "error": worst,
            }
            print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
