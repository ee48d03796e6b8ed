"""PyTorch, eager and without autograd: what autograd calls for a gradient, for one gradient alone."""

from collections.abc import Iterator

import torch

from layers import Layer
from libraries import Call
from reference import Operands

VERSION = torch.__version__

LAYOUTS = {"nchw": torch.contiguous_format, "nhwc": torch.channels_last}
GRADIENTS = ("grad_input", "grad_weight")

torch.set_num_threads(1)
torch.set_grad_enabled(False)


def calls(layer: Layer, operands: Operands) -> Iterator[Call]:
    """All passes in both layouts."""
    layer = layer.padded_alike()
    for layout, order in LAYOUTS.items():
        x, grad_y = (
            torch.from_numpy(tensor).contiguous(memory_format=order)
            for tensor in (operands.x, operands.grad_y)
        )
        weights = torch.from_numpy(operands.weights[:, None])
        for name in ("forward", *GRADIENTS):
            yield call(name, layout, layer, x, weights, grad_y)


def call(
    name: str,
    layout: str,
    layer: Layer,
    x: torch.Tensor,
    weights: torch.Tensor,
    grad_y: torch.Tensor,
) -> Call:
    """A pass in a layout."""
    window = (layer.stride, layer.low, layer.dilation)
    last = []

    def forward() -> None:
        last[:] = [torch.conv2d(x, weights, None, *window, layer.channels)]

    wanted = [name == gradient for gradient in (*GRADIENTS, "grad_bias")]

    def backward() -> None:
        results = torch.ops.aten.convolution_backward.default(
            grad_y, x, weights, None, *window, False, (0, 0), layer.channels, wanted
        )
        last[:] = [results[wanted.index(True)]]

    def result():
        array = last[0].contiguous().numpy()
        return array[:, 0] if name == "grad_weight" else array

    return Call(name, layout, layer, forward if name == "forward" else backward, result)
