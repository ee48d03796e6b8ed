"""The passes in f64, and how far a correct f32 result may be from them.

`|error| ≤ γ(n)·S + n·2⁻¹⁵⁰` with `γ(n) = n·u / (1 - n·u)`, u = 2⁻²⁴, n products, S the sum of their
magnitudes (Higham, Accuracy and Stability of Numerical Algorithms, 3.1). The last part is the
underflow of each product.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from layers import Layer

UNIT = 2.0**-24


@dataclass(frozen=True)
class Operands:
    """What the passes read."""

    x: np.ndarray
    """[n][c][h][w]"""
    weights: np.ndarray
    """[c][kh][kw]"""
    grad_y: np.ndarray
    """[n][c][oh][ow]"""

    @staticmethod
    def random(layer: Layer) -> "Operands":
        """The same numbers between -1 and 1 in every run."""
        generator = np.random.default_rng(1)

        def tensor(*shape: int) -> np.ndarray:
            return generator.uniform(-1, 1, shape).astype(np.float32)

        maps = (layer.batch, layer.channels)
        return Operands(
            tensor(*maps, *layer.input),
            tensor(layer.channels, *layer.kernel),
            tensor(*maps, *layer.output),
        )

    def map(self, function) -> "Operands":
        """The same of each tensor."""
        return Operands(function(self.x), function(self.weights), function(self.grad_y))


def compute(name: str, layer: Layer, operands: Operands) -> np.ndarray:
    """A pass, in the type of the operands."""
    x, weights, grad_y = operands.x, operands.weights, operands.grad_y
    result = np.zeros_like({"forward": grad_y, "grad_input": x, "grad_weight": weights}[name])
    for kh in range(layer.kernel[0]):
        rows, in_rows = layer.taps(0, kh)
        for kw in range(layer.kernel[1]):
            columns, in_columns = layer.taps(1, kw)
            outputs, inputs = np.s_[:, :, rows, columns], np.s_[:, :, in_rows, in_columns]
            tap = weights[:, kh, kw][:, None, None]
            if name == "forward":
                result[outputs] += x[inputs] * tap
            elif name == "grad_input":
                result[inputs] += grad_y[outputs] * tap
            else:
                result[:, kh, kw] = (x[inputs] * grad_y[outputs]).sum((0, 2, 3))
    return result


@dataclass(frozen=True)
class Reference:
    """A layer's passes in f64."""

    layer: Layer
    operands: Operands

    @cached_property
    def exact(self) -> Operands:
        """The operands in f64."""
        return self.operands.map(lambda tensor: tensor.astype(np.float64))

    def worst(self, name: str, result: np.ndarray) -> float:
        """The largest error as a share of its bound, at most 1 if all is right; NaN with any NaN."""
        sums = compute(name, self.layer, self.exact)
        magnitudes = compute(name, self.layer, self.exact.map(np.abs))
        terms = compute(name, self.layer, self.exact.map(np.ones_like))
        bound = terms * UNIT / (1 - terms * UNIT) * magnitudes + terms * 2.0**-150
        errors = np.abs(result.astype(np.float64) - sums)
        shares = np.divide(errors, bound, out=errors.copy(), where=errors != 0)
        return float(shares.max())
