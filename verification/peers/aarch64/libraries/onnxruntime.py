"""ONNX Runtime: a session for a model of one node, on tensors that are bound to it."""

from collections.abc import Iterator

import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from layers import Layer
from libraries import Call
from reference import Operands

VERSION = onnxruntime.__version__


def calls(layer: Layer, operands: Operands) -> Iterator[Call]:
    """The forward pass."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    serialised = model(layer, operands).SerializeToString()
    session = onnxruntime.InferenceSession(serialised, options, ["CPUExecutionProvider"])
    x = onnxruntime.OrtValue.ortvalue_from_numpy(operands.x)
    y = onnxruntime.OrtValue.ortvalue_from_numpy(np.zeros_like(operands.grad_y))
    binding = session.io_binding()
    binding.bind_ortvalue_input("x", x)
    binding.bind_ortvalue_output("y", y)

    def run() -> None:
        session.run_with_iobinding(binding)

    yield Call("forward", "nchw", layer, run, y.numpy)


def model(layer: Layer, operands: Operands):
    """The model: a `Conv` whose weights are known."""
    convolution = helper.make_node(
        "Conv",
        ["x", "weights"],
        ["y"],
        group=layer.channels,
        kernel_shape=layer.kernel,
        strides=layer.stride,
        dilations=layer.dilation,
        pads=[*layer.low, *layer.high],
    )
    tensors = [("x", operands.x), ("y", operands.grad_y)]
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, t.shape) for name, t in tensors)
    weights = numpy_helper.from_array(operands.weights[:, None], "weights")
    graph = helper.make_graph([convolution], "layer", [x], [y], [weights])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
