"""What was measured, as text and as data."""

import math
import platform
import re
import subprocess
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

import torch

from layers import Layer
from passes import PASSES
from timing import Time


@dataclass(frozen=True)
class Row:
    """A layer's pass."""

    layer: Layer
    name: str
    instance: str
    ours: Time
    """`depthwise`"""
    pytorch: Time
    our_error: float
    """The largest, as a share of its bound."""
    pytorch_error: float
    """As a share of the bound for a sum in any order."""

    @property
    def ratio(self) -> float:
        """How many times as long PyTorch takes."""
        return self.pytorch.median / self.ours.median


def host() -> dict[str, object]:
    """Machine and versions."""
    path = Path("/proc/cpuinfo")
    information = path.read_text() if path.exists() else ""
    cpu = re.search(r"^model name\s*: (.*)$", information, re.M)
    numbers = re.findall(r"^(?:cpu family|model)\s*: (\d+)$", information, re.M)
    onednn = re.search(r"MKL-DNN v([\d.]+)", torch.__config__.show())
    rustc = subprocess.run(["rustc", "--version"], check=True, capture_output=True, text=True)
    return {
        "date": date.today().isoformat(),
        "machine": platform.machine(),
        "cpu": cpu[1] if cpu else platform.processor(),
        "cpu_family_and_model": numbers[:2],
        "os": platform.system(),
        "python": platform.python_version(),
        "rustc": rustc.stdout.split()[1],
        "torch": torch.__version__,
        "torch_cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "torch_threads": torch.get_num_threads(),
        "onednn": onednn and onednn[1],
        "onednn_enabled": torch.backends.mkldnn.is_available() and torch.backends.mkldnn.enabled,
    }


def sentence(host: dict[str, object]) -> str:
    """The same, to be read."""
    onednn = f"oneDNN {host['onednn']} {'on' if host['onednn_enabled'] else 'off'}"
    pytorch = f"torch {host['torch']} ({host['torch_cpu_capability']}, {onednn})"
    cpu = " ".join([host["cpu"], *host["cpu_family_and_model"]])
    return (
        f"{host['date']}, {cpu}, rustc {host['rustc']}, {pytorch}, {host['torch_threads']} thread"
    )


def mean(rows: list[Row], weighted: bool) -> float:
    """Geometric mean of the ratios; weighted by how often the network has each layer."""
    weights = [row.layer.count if weighted else 1 for row in rows]
    logarithms = (weight * math.log(row.ratio) for weight, row in zip(weights, rows, strict=True))
    return math.exp(sum(logarithms) / sum(weights))


def summary(rows: list[Row]) -> dict[str, object]:
    """Of one pass: the means, the whole network, wins."""
    return {
        "ratio_by_count": mean(rows, True),
        "ratio_of_distinct": mean(rows, False),
        "ours": sum(row.layer.count * row.ours.median for row in rows),
        "pytorch": sum(row.layer.count * row.pytorch.median for row in rows),
        "wins": sum(row.ratio >= 1 for row in rows),
        "layers": len(rows),
    }


def data(rows: list[Row]) -> dict[str, object]:
    """One layout, for JSON; seconds."""
    passes = {name: [row for row in rows if row.name == name] for name in PASSES}
    return {
        name: {"summary": summary(of), "layers": [entry(row) for row in of]}
        for name, of in passes.items()
    }


def entry(row: Row) -> dict[str, object]:
    """A layer's pass, for JSON; seconds."""
    return {
        "layer": row.layer.name,
        "count": row.layer.count,
        "instance": row.instance,
        "ours": asdict(row.ours),
        "pytorch": asdict(row.pytorch),
        "ratio": row.ratio,
        "our_error": row.our_error,
        "pytorch_error": row.pytorch_error,
    }


def cells(ours: float, pytorch: float, ratio: float) -> list[str]:
    """Microseconds, and the ratio, a loss in italics."""
    times = f"{ratio:.2f}" if ratio >= 1 else f"*{ratio:.2f}*"
    return [f"{ours * 1e6:.0f}", f"{pytorch * 1e6:.0f}", times]


def line(cells: list[str]) -> str:
    """A line of a table."""
    return "| " + " | ".join(cells) + " |"


def header() -> str:
    """The head of a table."""
    titles = ["layer", "count"]
    for name in PASSES:
        titles += [f"`{name}`", "PyTorch", "times"]
    return line(titles) + "\n" + line(["---"] + ["--:"] * (len(titles) - 1))


def body(rows: list[Row]) -> str:
    """The line of a layer, all passes of it."""
    line_cells = [str(rows[0].layer), str(rows[0].layer.count)]
    for row in rows:
        line_cells += cells(row.ours.median, row.pytorch.median, row.ratio)
    return line(line_cells)


def footer(rows: list[Row]) -> str:
    """The lines below the layers."""
    sums = [summary([row for row in rows if row.name == name]) for name in PASSES]
    count = str(sum(row.layer.count for row in rows) // len(PASSES))
    lines = [
        ["all layers", count],
        ["geometric mean", count],
        ["geometric mean", "each once"],
        ["faster in", ""],
    ]
    for of in sums:
        lines[0] += cells(of["ours"], of["pytorch"], of["pytorch"] / of["ours"])
        lines[1] += ["", "", f"**{of['ratio_by_count']:.2f}**"]
        lines[2] += ["", "", f"{of['ratio_of_distinct']:.2f}"]
        lines[3] += ["", "", f"{of['wins']} of {of['layers']}"]
    return "\n".join(map(line, lines))


def checks(rows: list[Row]) -> str:
    """What `compare` has made sure of before it timed them."""
    return f"{len(rows)} results checked against PyTorch in f64, and as many wrong ones refused."
