"""LiteRT, whose default delegate is XNNPACK: an interpreter for a model of one operator."""

from collections.abc import Iterator
from importlib.metadata import version

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

from layers import Layer
from libraries import Call
from reference import Operands

VERSION = version("ai-edge-litert")


def calls(layer: Layer, operands: Operands) -> Iterator[Call]:
    """The forward pass, padded as TFLite pads."""
    layer = layer.padded_same()
    interpreter = Interpreter(model_content=model(layer, operands), num_threads=1)
    interpreter.allocate_tensors()
    [x], [y] = interpreter.get_input_details(), interpreter.get_output_details()
    interpreter.set_tensor(x["index"], operands.x.transpose(0, 2, 3, 1).copy())

    def result() -> np.ndarray:
        return interpreter.get_tensor(y["index"]).transpose(0, 3, 1, 2)

    yield Call("forward", "nhwc", layer, interpreter.invoke, result)


def model(layer: Layer, operands: Operands) -> bytes:
    """The model: a DEPTHWISE_CONV_2D whose weights and bias, zeros, are known."""
    channels, weights = layer.channels, operands.weights.transpose(1, 2, 0)[None]
    bias = np.zeros(channels, np.float32)

    options = schema.DepthwiseConv2DOptionsT()
    options.padding = schema.Padding.SAME
    options.strideH, options.strideW = layer.stride
    options.dilationHFactor, options.dilationWFactor = layer.dilation
    options.depthMultiplier = 1
    convolution = schema.OperatorT()
    convolution.inputs, convolution.outputs = [0, 1, 2], [3]
    convolution.builtinOptionsType = schema.BuiltinOptions.DepthwiseConv2DOptions
    convolution.builtinOptions = options
    code = schema.OperatorCodeT()
    code.builtinCode = schema.BuiltinOperator.DEPTHWISE_CONV_2D
    code.deprecatedBuiltinCode = code.builtinCode

    graph = schema.SubGraphT()
    graph.tensors = [
        tensor("x", (layer.batch, *layer.input, channels), 0),
        tensor("weights", weights.shape, 1),
        tensor("bias", bias.shape, 2),
        tensor("y", (layer.batch, *layer.output, channels), 0),
    ]
    graph.inputs, graph.outputs, graph.operators = [0], [3], [convolution]
    whole = schema.ModelT()
    whole.version, whole.subgraphs, whole.operatorCodes = 3, [graph], [code]
    whole.buffers = [buffer(b""), buffer(weights.tobytes()), buffer(bias.tobytes())]
    builder = flatbuffers.Builder(0)
    builder.Finish(whole.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def tensor(name: str, shape: tuple[int, ...], number: int) -> schema.TensorT:
    """A tensor whose elements lie in the buffer with that number; in buffer 0 there are none."""
    result = schema.TensorT()
    result.name, result.shape, result.buffer = name, shape, number
    result.type = schema.TensorType.FLOAT32
    return result


def buffer(data: bytes) -> schema.BufferT:
    """A buffer."""
    result = schema.BufferT()
    result.data = np.frombuffer(data, np.uint8)
    return result
