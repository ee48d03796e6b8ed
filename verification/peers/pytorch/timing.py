"""Times of calls, each beside the others'."""

import ctypes
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

LEAST_ROUNDS = 51

SAMPLE = 200e-6
"""Seconds of a sample: short, so that most are not interrupted on a busy machine."""

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3


@dataclass(frozen=True)
class Time:
    """Seconds of one call: the median of the samples and the least."""

    median: float
    least: float


def keep_memory() -> None:
    """Has glibc keep freed memory. PyTorch allocates its results in each call, and would otherwise
    pay for fresh pages in each, a matter of the allocator and not of convolution."""
    if mallopt := getattr(ctypes.CDLL(None), "mallopt", None):
        mallopt(M_TRIM_THRESHOLD, 1 << 30)
        mallopt(M_MMAP_THRESHOLD, 1 << 30)


def interleaved(subjects: Sequence[Callable[[], object]], seconds: float) -> list[Time]:
    """Times subjects, about so many seconds each, in rounds over all of them, so that whatever
    else the machine does hits all alike. Time is that of the processor, of all threads: on a busy
    machine the wall clock counts the others' turns too."""
    calls = [max(1, round(SAMPLE / min(sample(s, 1) for _ in range(5)))) for s in subjects]
    samples: list[list[float]] = [[] for _ in subjects]
    start = time.process_time()
    while len(samples[0]) < LEAST_ROUNDS or time.process_time() - start < seconds * len(subjects):
        for subject, count, times in zip(subjects, calls, samples, strict=True):
            times.append(sample(subject, count))
    return [Time(median(times), min(times)) for times in samples]


def sample(subject: Callable[[], object], calls: int) -> float:
    """Seconds of one call. What the subject before has left in the caches is not this one's."""
    subject()
    start = time.process_time_ns()
    for _ in range(calls):
        subject()
    return (time.process_time_ns() - start) / calls * 1e-9
