"""The depthwise layers of networks, from the table of the program `depthwise`."""

import csv
from dataclasses import dataclass
from pathlib import Path

TABLE = Path(__file__).parents[3] / "crates/cli/networks.csv"


@dataclass(frozen=True)
class Layer:
    """A depthwise layer with a multiplier of 1; pairs are (h, w)."""

    name: str
    batch: int
    channels: int
    input: tuple[int, int]
    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]
    """On both sides alike, which is all that PyTorch has."""
    dilation: tuple[int, int]
    count: int
    """How often the network has it."""

    def __str__(self) -> str:
        (h, w), (kh, kw), (sh, sw) = self.input, self.kernel, self.stride
        stride = f"{sh}" if sh == sw else f"({sh}, {sw})"
        return f"{self.channels}×{h}×{w}, {kh}×{kw}, stride {stride}"


def load(network: str, batch: int) -> list[Layer]:
    """The distinct layers of a network, from first to last, with so many images."""
    with TABLE.open(newline="") as file:
        lines = (line for line in file if not line.startswith("#"))
        rows = [row for row in csv.DictReader(lines) if row["net"] == network]
    if not rows:
        raise ValueError(f"no network {network} in {TABLE}")
    return [layer(row, batch) for row in rows]


def layer(row: dict[str, str], batch: int) -> Layer:
    """The layer of one line of the table."""

    def pair(height: str, width: str) -> tuple[int, int]:
        return int(row[height]), int(row[width])

    padding = pair("pad_top", "pad_left")
    if padding != pair("pad_bottom", "pad_right"):
        raise ValueError(f"{row['net']} {row['name']}: PyTorch pads both sides alike")
    return Layer(
        name=row["name"],
        batch=batch,
        channels=int(row["c"]),
        input=pair("h", "w"),
        kernel=pair("kh", "kw"),
        stride=pair("sh", "sw"),
        padding=padding,
        dilation=pair("dil", "dil"),
        count=int(row["count"]),
    )
