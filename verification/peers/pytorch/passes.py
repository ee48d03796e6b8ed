"""The passes of a layer in PyTorch."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch

from layers import Layer

PASSES = ("forward", "grad_input", "grad_weight")


@dataclass(frozen=True)
class Operands:
    """What the passes read."""

    x: torch.Tensor
    """[n][c][h][w]"""
    weights: torch.Tensor
    """[c][1][kh][kw]"""
    grad_y: torch.Tensor
    """[n][c][oh][ow]"""

    def map(self, function: Callable[[torch.Tensor], torch.Tensor]) -> "Operands":
        """The same of each tensor."""
        return Operands(function(self.x), function(self.weights), function(self.grad_y))


def random(layer: Layer) -> Operands:
    """The same numbers between -1 and 1 in every run."""
    generator = torch.Generator().manual_seed(1)

    def tensor(*shape: int) -> torch.Tensor:
        return torch.rand(shape, generator=generator) * 2 - 1

    x = tensor(layer.batch, layer.channels, *layer.input)
    weights = tensor(layer.channels, 1, *layer.kernel)
    return Operands(x, weights, tensor(*forward(layer, x, weights)().shape))


def forward(layer: Layer, x: torch.Tensor, weights: torch.Tensor) -> Callable[[], torch.Tensor]:
    """The forward pass, to be called."""
    return partial(
        torch.conv2d, x, weights, None, layer.stride, layer.padding, layer.dilation, layer.channels
    )


def pytorch(name: str, layer: Layer, operands: Operands) -> Callable[[], torch.Tensor]:
    """A pass, to be called. Gradients call what autograd calls, for one gradient alone. So does
    `torch.nn.grad`, but for grad_input with a dummy in place of x, which costs more."""
    if name == "forward":
        return forward(layer, operands.x, operands.weights)
    gradient = PASSES.index(name) - 1
    backward = partial(
        torch.ops.aten.convolution_backward.default,
        operands.grad_y,
        operands.x,
        operands.weights,
        None,
        layer.stride,
        layer.padding,
        layer.dilation,
        False,
        (0, 0),
        layer.channels,
        [gradient == index for index in range(3)],
    )
    return lambda: backward()[gradient]
