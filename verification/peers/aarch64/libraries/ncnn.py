"""ncnn: a net of one layer, on a tensor that has the layer's layout already: four channels together."""

from collections.abc import Iterator
from importlib.metadata import version
from tempfile import NamedTemporaryFile

import ncnn
import numpy as np

from layers import Layer
from libraries import Call
from reference import Operands

VERSION = version("ncnn")

PACK = 4
AS_IT_IS = 1
"""For `extract`: the result in the layer's layout."""


def calls(layer: Layer, operands: Operands) -> Iterator[Call]:
    """The forward pass. Padding is the layer's: it copies its input into a padded one."""
    net = ncnn.Net()
    net.opt.num_threads = 1
    for name in dir(net.opt):
        if name.startswith(("use_fp16", "use_bf16", "use_int8")):
            setattr(net.opt, name, False)
    load(net, layer, operands.weights)
    x, results = ncnn.Mat(), []
    # A `Mat` of an array does not keep it alive.
    [planes] = operands.x
    ncnn.convert_packing(ncnn.Mat(planes), x, PACK, net.opt)

    def run() -> None:
        extractor = net.create_extractor()
        extractor.input("x", x)
        results[:] = extractor.extract("y", AS_IT_IS)

    def result() -> np.ndarray:
        status, y = results
        if status != 0:
            raise RuntimeError(f"ncnn refuses {layer}: {status}")
        unpacked = ncnn.Mat()
        ncnn.convert_packing(y, unpacked, 1, net.opt)
        return np.array(unpacked)[None]

    yield Call("forward", "nc4hw4", layer, run, result)


def load(net: ncnn.Net, layer: Layer, weights: np.ndarray) -> None:
    """Gives the net the layer. The numbers of its parameters are ncnn's."""
    channels, (kh, kw), (sh, sw) = layer.channels, layer.kernel, layer.stride
    (dh, dw), (top, left), (bottom, right) = layer.dilation, layer.low, layer.high
    values = {0: channels, 7: channels, 6: channels * kh * kw, 1: kw, 11: kh, 2: dw, 12: dh}
    values |= {3: sw, 13: sh, 4: left, 14: top, 15: right, 16: bottom}
    parameters = " ".join(f"{number}={value}" for number, value in values.items())
    net.load_param_mem(
        f"7767517\n2 2\nInput in 0 1 x\nConvolutionDepthWise conv 1 1 x y {parameters}\n"
    )
    with NamedTemporaryFile() as file:
        # Four bytes that say f32, then the elements.
        file.write(bytes(4) + weights.tobytes())
        file.flush()
        net.load_model(file.name)
