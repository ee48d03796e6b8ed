"""The passes in f64, and how far a correct f32 result may be from them.

`|error| ≤ γ(d)·S + n·2⁻¹⁵⁰` with `γ(d) = d·u / (1 - d·u)`, u = 2⁻²⁴, n products, S the sum of their
magnitudes and d the most roundings that a product goes through, at most n (Higham, Accuracy and
Stability of Numerical Algorithms, 3.1 and 4.2). The last part is the underflow of each product. To
that comes `γ(n)·S` with u = 2⁻⁵³, for the reference itself is a rounded sum.
"""

from dataclasses import dataclass

import torch

from layers import Layer
from passes import Operands, pytorch


def gamma(roundings: torch.Tensor, unit: float) -> torch.Tensor:
    """The largest relative error of a product after so many roundings."""
    return roundings * unit / (1 - roundings * unit)


@dataclass(frozen=True)
class Reference:
    """A pass in f64, with what its error bound needs."""

    sums: torch.Tensor
    """The results."""
    magnitudes: torch.Tensor
    """The sums of the magnitudes of their products."""
    terms: torch.Tensor
    """How many products they have."""

    def bound(self, depth: int | None) -> torch.Tensor:
        """The largest error that a result may have, summed in any order, or in one where no product
        goes through more than `depth` roundings."""
        rounded = self.terms if depth is None else self.terms.clamp(max=depth)
        share = gamma(rounded, 2.0**-24) + gamma(self.terms, 2.0**-53)
        magnitudes = self.magnitudes * (1 + gamma(self.terms, 2.0**-53))
        return share * magnitudes + self.terms * 2.0**-150

    def worst(self, result: torch.Tensor, depth: int | None = None) -> float:
        """The largest error as a share of its bound, at most 1 if all is right; NaN with any NaN."""
        errors, bound = (result.double() - self.sums).abs(), self.bound(depth)
        shares = torch.where(errors == 0, errors, errors / bound)
        return shares.max().item()


def reference(name: str, layer: Layer, operands: Operands) -> Reference:
    """A pass of `operands`, computed by PyTorch in f64."""
    exact = operands.map(torch.Tensor.double)
    return Reference(
        *(
            pytorch(name, layer, exact.map(function))()
            for function in (torch.clone, torch.abs, torch.ones_like)
        )
    )
