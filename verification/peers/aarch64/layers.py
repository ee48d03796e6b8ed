"""A layer's sizes, from the text that `cargo xtask cost` calls it by."""

import re
from dataclasses import dataclass, replace

SHAPE = re.compile(
    r"(\d+)x(\d+)x(\d+)x(\d+)_k(\d+)x(\d+)_s(\d+)x(\d+)_d(\d+)x(\d+)_p(\d+),(\d+),(\d+),(\d+)"
)


@dataclass(frozen=True)
class Layer:
    """A depthwise layer with a multiplier of 1; pairs are (h, w)."""

    batch: int
    channels: int
    input: tuple[int, int]
    kernel: tuple[int, int]
    stride: tuple[int, int]
    dilation: tuple[int, int]
    low: tuple[int, int]
    """Padding at the top and the left."""
    high: tuple[int, int]
    """Padding at the bottom and the right."""

    @property
    def output(self) -> tuple[int, int]:
        """The height and width of the output."""
        return tuple(self._output(axis) for axis in (0, 1))

    def _output(self, axis: int) -> int:
        window = (self.kernel[axis] - 1) * self.dilation[axis] + 1
        padded = self.low[axis] + self.input[axis] + self.high[axis]
        return (padded - window) // self.stride[axis] + 1

    def taps(self, axis: int, tap: int) -> tuple[slice, slice]:
        """The outputs along an axis whose `tap` lies inside the input, and the inputs it is there."""
        stride, offset = self.stride[axis], tap * self.dilation[axis] - self.low[axis]
        first = max(0, -(offset // stride))
        last = min(self.output[axis] - 1, (self.input[axis] - 1 - offset) // stride)
        start = first * stride + offset
        return slice(first, last + 1), slice(start, last * stride + offset + 1, stride)

    def products(self) -> int:
        """The products of a channel of an image that don't lie in the padding."""

        def along(axis: int) -> int:
            spans = (self.taps(axis, tap)[0] for tap in range(self.kernel[axis]))
            return sum(max(0, span.stop - span.start) for span in spans)

        return along(0) * along(1)

    def padded_alike(self) -> "Layer":
        """The layer with as much padding at the beginning as at the end, which is all that PyTorch has.
        At stride 2 it may be this layer mirrored, with as many products."""
        most = tuple(max(pads) for pads in zip(self.low, self.high))
        return self._with(most, most)

    def padded_same(self) -> "Layer":
        """The layer with TFLite's padding SAME, which is the least at the beginning. At stride 2 it may
        be this layer mirrored, with as many products."""

        def total(axis: int) -> int:
            window = (self.kernel[axis] - 1) * self.dilation[axis] + 1
            return max(0, (self.output[axis] - 1) * self.stride[axis] + window - self.input[axis])

        totals = [total(axis) for axis in (0, 1)]
        low = tuple(total // 2 for total in totals)
        return self._with(low, tuple(total - half for total, half in zip(totals, low)))

    def _with(self, low: tuple[int, int], high: tuple[int, int]) -> "Layer":
        other = replace(self, low=low, high=high)
        if (other.output, other.products()) != (self.output, self.products()):
            raise ValueError(f"{self} is another layer with the padding {low}, {high}")
        return other


def parse(shape: str) -> Layer:
    """Reads `1x144x56x56_k3x3_s1x1_d1x1_p1,1,1,1`."""
    if not (match := SHAPE.fullmatch(shape)):
        raise ValueError(f"no layer: {shape}")
    batch, channels, *sizes = map(int, match.groups())
    return Layer(batch, channels, *(tuple(sizes[i : i + 2]) for i in range(0, 12, 2)))
