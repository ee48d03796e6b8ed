"""Checks depthwise layers against PyTorch in f64, and times them beside PyTorch, in one thread."""

import argparse
import json
from pathlib import Path

import torch

import binding
import layers
import report
import timing
from binding import Convolution
from passes import PASSES, Operands, pytorch, random
from reference import Reference, reference
from report import Row

LAYOUTS = {"nchw": torch.contiguous_format, "nhwc": torch.channels_last}


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    option = parser.add_argument
    option(
        "--network",
        default="mobilenet_v2_1.0_224_torch",
        help="of crates/cli/networks.csv, padded as PyTorch pads",
    )
    option("--batch", type=int, default=1, help="images")
    option(
        "--layout",
        choices=LAYOUTS,
        nargs="+",
        default=list(LAYOUTS),
        help="nhwc is PyTorch's channels_last",
    )
    option(
        "--seconds", type=float, default=0.5, help="spent on each pass of a layer, and on PyTorch's"
    )
    option("--json", type=Path, metavar="FILE", help="write the results as JSON, too")
    return parser.parse_args()


def worst(convolution: Convolution, name: str, operands: Operands, exact: Reference) -> float:
    """The largest error of our result as a share of its bound."""
    result = convolution.result(name, operands)
    if not convolution.call(name, operands, result)():
        raise AssertionError(f"{convolution.layer} {name}: refused")
    depth = convolution.grad_weight_depth() if name == "grad_weight" else None
    return exact.worst(convolution.as_pytorch(name, result), depth)


def checked(convolution: Convolution, name: str, operands: Operands, exact: Reference) -> float:
    """The same, at most 1. The check must also be able to fail: without one element it must."""
    error = worst(convolution, name, operands, exact)
    where = f"{convolution.layer} {name} {convolution.instance(name)}"
    if not error <= 1:
        raise AssertionError(f"{where}: the largest error is {error:.3g} times its bound")
    lost = operands.map(torch.clone)
    operand = lost.grad_y if name == "grad_input" else lost.x
    operand[operand.abs() == operand.abs().max()] = 0
    if worst(convolution, name, lost, exact) <= 1:
        raise AssertionError(f"{where}: the check does not notice that an element is missing")
    return error


def compared(convolution: Convolution, name: str, operands: Operands, seconds: float) -> Row:
    """A pass, checked and timed."""
    layer = convolution.layer
    exact = reference(name, layer, operands)
    ours = convolution.operands(operands)
    error = checked(convolution, name, ours, exact)
    order = LAYOUTS["nhwc" if convolution.channels_last else "nchw"]
    theirs = pytorch(name, layer, operands.map(lambda t: t.contiguous(memory_format=order)))
    their_error = exact.worst(theirs())
    result = convolution.result(name, ours)
    times = timing.interleaved([convolution.call(name, ours, result), theirs], seconds)
    return Row(layer, name, convolution.instance(name), *times, error, their_error)


def main() -> None:
    """Prints a table for each layout."""
    args = arguments()
    torch.set_num_threads(1)
    torch.set_num_interop_threads(1)
    timing.keep_memory()
    library = binding.build()
    host = report.host()
    print(report.sentence(host))
    results = {
        "host": host,
        "network": args.network,
        "batch": args.batch,
        "seconds": args.seconds,
        "layouts": {},
    }
    for layout in args.layout:
        print(
            f"\n{args.network}, batch {args.batch}, {layout.upper()}, µs of one call\n\n{report.header()}"
        )
        rows = []
        for layer in layers.load(args.network, args.batch):
            convolution, operands = Convolution(library, layer, layout == "nhwc"), random(layer)
            results["isa"] = convolution.isa()
            rows += [compared(convolution, name, operands, args.seconds) for name in PASSES]
            print(report.body(rows[-len(PASSES) :]), flush=True)
        print(report.footer(rows), report.checks(rows), sep="\n\n", flush=True)
        results["layouts"][layout] = report.data(rows)
    if args.json:
        args.json.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    with torch.inference_mode():
        main()
