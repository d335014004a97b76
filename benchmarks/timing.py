"""What the benchmarks share: the machine they ran on, paired runs, medians. Run by itself it prints the machine.

    .venv/bin/python benchmarks/timing.py
"""

import gc
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

__all__ = ["header", "machine", "median", "paired", "ratio", "spread", "table", "verdict"]

MILLI = 1000.0


def machine() -> str:
    """The processor, its cores, how busy it is, and the interpreter, on one line."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.is_file() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    return f"{models[0] if models else platform.processor() or platform.machine()}, {cores} cores{load}, Python {platform.python_version()}"


def header(command: str) -> None:
    """Print where the figures come from."""
    print(f"machine  {machine()}")
    print(f"command  {command}")


def paired(
    variants: Mapping[str, Callable[[], object]], *, runs: int, warm: int = 2, clock: Callable[[], float] = time.perf_counter
) -> dict[str, list[float]]:
    """Seconds of each variant, `runs` of each, taken in turn so that a busy moment hits all of them.

    The garbage of one run is collected before the next, outside of the time that is taken. With `time.process_time` as the
    clock only what this process computed counts, which says something on a busy machine too.
    """
    for run in variants.values():
        for _ in range(warm):
            run()
    seconds: dict[str, list[float]] = {name: [] for name in variants}
    order = list(variants.items())
    for number in range(runs):
        for name, run in order[number % len(order) :] + order[: number % len(order)]:
            gc.collect()
            began = clock()
            run()
            seconds[name].append(clock() - began)
    return seconds


def median(seconds: Sequence[float]) -> float:
    """The median in milliseconds."""
    return statistics.median(seconds) * MILLI


def spread(seconds: Sequence[float]) -> str:
    """The lower and the upper quartile in milliseconds."""
    low, _, high = statistics.quantiles(seconds, n=4)
    return f"{low * MILLI:.1f} to {high * MILLI:.1f}"


def ratio(seconds: Sequence[float], base: Sequence[float]) -> float:
    """The median of the ratios of runs that were taken in the same round."""
    return statistics.median(one / other for one, other in zip(seconds, base, strict=True))


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table, columns as wide as they need to be."""
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    for row in [head, ["-" * width for width in widths], *rows]:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def verdict(what: str, reached: float, wanted: float) -> str:
    """A line that says whether a figure is at most what is wanted of it."""
    return f"{what}: {reached:.2f}, wanted at most {wanted:g}: {'reached' if reached <= wanted else 'MISSED'}"


if __name__ == "__main__":
    print(machine())
