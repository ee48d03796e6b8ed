"""The library `depthwise`, built from this repository and loaded into this process."""

import ctypes
import json
import subprocess
import weakref
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch

from layers import Layer
from passes import Operands

CRATE = Path(__file__).parent / "binding"

Pair = ctypes.c_size_t * 2


class CLayer(ctypes.Structure):
    """`Layer` of the crate."""

    _fields_ = [
        ("batch", ctypes.c_size_t),
        ("channels", ctypes.c_size_t),
        ("input", Pair),
        ("kernel", Pair),
        ("stride", Pair),
        ("padding", Pair),
        ("dilation", Pair),
        ("channels_last", ctypes.c_bool),
    ]


class CText(ctypes.Structure):
    """`Text` of the crate."""

    _fields_ = [("start", ctypes.c_void_p), ("length", ctypes.c_size_t)]

    def __str__(self) -> str:
        return ctypes.string_at(self.start, self.length).decode()


def build() -> ctypes.CDLL:
    """Builds the crate `binding` and loads it."""
    command = ["cargo", "build", "--release", "--message-format=json-render-diagnostics"]
    built = subprocess.run(command, cwd=CRATE, check=True, stdout=subprocess.PIPE)
    messages = map(json.loads, built.stdout.splitlines())
    artifacts = (message for message in messages if message["reason"] == "compiler-artifact")
    [library] = (item for item in artifacts if item["target"]["name"] == "depthwise_binding")
    return load(library["filenames"][0])


def load(path: str) -> ctypes.CDLL:
    """Loads the library and tells it its functions' types."""
    library = ctypes.CDLL(path)
    pointer = ctypes.c_void_p
    library.depthwise_new.argtypes = [ctypes.POINTER(CLayer)]
    library.depthwise_new.restype = pointer
    library.depthwise_free.argtypes = [pointer]
    library.depthwise_free.restype = None
    library.depthwise_isa.argtypes = [pointer]
    library.depthwise_isa.restype = CText
    library.depthwise_grad_weight_depth.argtypes = [pointer]
    library.depthwise_grad_weight_depth.restype = ctypes.c_size_t
    for name in ("forward", "grad_input", "grad_weight"):
        function = getattr(library, f"depthwise_{name}")
        function.argtypes = [pointer] * 4
        function.restype = ctypes.c_bool
        instance = getattr(library, f"depthwise_{name}_instance")
        instance.argtypes = [pointer]
        instance.restype = CText
    return library


class Convolution:
    """A layer as `depthwise` computes it: [n][c][h][w], or with channels last [n][h][w][c]."""

    def __init__(self, library: ctypes.CDLL, layer: Layer, channels_last: bool) -> None:
        sizes = (layer.input, layer.kernel, layer.stride, layer.padding, layer.dilation)
        pairs = [Pair(*size) for size in sizes]
        description = CLayer(layer.batch, layer.channels, *pairs, channels_last)
        self.library, self.layer, self.channels_last = library, layer, channels_last
        self.conv = ctypes.c_void_p(library.depthwise_new(ctypes.byref(description)))
        if not self.conv:
            raise ValueError(f"{layer} describes no convolution")
        weakref.finalize(self, library.depthwise_free, self.conv)

    def isa(self) -> str:
        """The instruction set."""
        return str(self.library.depthwise_isa(self.conv))

    def instance(self, name: str) -> str:
        """What computes most of a pass."""
        return str(getattr(self.library, f"depthwise_{name}_instance")(self.conv))

    def grad_weight_depth(self) -> int:
        """The most roundings that a product of the weight gradient goes through."""
        return self.library.depthwise_grad_weight_depth(self.conv)

    def operands(self, operands: Operands) -> Operands:
        """Operands in the memory order of this convolution; weights [c][kh·kw] or [kh·kw][c]."""
        order = torch.channels_last if self.channels_last else torch.contiguous_format
        x, grad_y = (t.contiguous(memory_format=order) for t in (operands.x, operands.grad_y))
        weights = operands.weights.flatten(1)
        return Operands(x, (weights.t() if self.channels_last else weights).contiguous(), grad_y)

    def result(self, name: str, operands: Operands) -> torch.Tensor:
        """Where the result of a pass goes, all NaN: what is not written is never right."""
        like = {"forward": "grad_y", "grad_input": "x", "grad_weight": "weights"}[name]
        return torch.full_like(getattr(operands, like), torch.nan)

    def as_pytorch(self, name: str, result: torch.Tensor) -> torch.Tensor:
        """The result with the dimensions that PyTorch gives it."""
        if name != "grad_weight":
            return result
        weights = result.t() if self.channels_last else result
        return weights.reshape(self.layer.channels, 1, *self.layer.kernel)

    def call(self, name: str, operands: Operands, result: torch.Tensor) -> Callable[[], bool]:
        """A pass, to be called; whether it ran."""
        sources = {
            "forward": (operands.x, operands.weights),
            "grad_input": (operands.grad_y, operands.weights),
            "grad_weight": (operands.x, operands.grad_y),
        }[name]
        tensors = (*sources, result)
        pointers = [ctypes.c_void_p(tensor.data_ptr()) for tensor in tensors]
        call = partial(getattr(self.library, f"depthwise_{name}"), self.conv, *pointers)
        call.lives = (self, tensors)  # What is pointed to lives as long.
        return call
