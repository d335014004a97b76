"""The python tool: milliseconds a program, from the call to what the model reads.

    .venv/bin/python benchmarks/executor.py [--runs 100]

The first program of a process starts the workers; the others find them warm. Wanted: a small program under 10 ms. Beside
it what starting CPython for the same program costs, which is what an executor with a process a run would pay at least.
"""

import argparse
import subprocess
import sys
import time

from timing import MILLI, header, median, paired, spread, table, verdict

from agentkit.tools.python import run_program

PROGRAMS = {
    "print(6 * 7)": "print(6 * 7)",
    "primes below 500": "print([n for n in range(2, 500) if all(n % d for d in range(2, n))])",
    "mean, median of 1,000": "import statistics\nvalues = list(range(1000))\nprint(statistics.mean(values), statistics.median(values))",
    "100,000 additions": "total = 0\nfor n in range(100_000):\n    total += n\nprint(total)",
}
WANTED = 10.0


def start_cpython() -> None:
    """The same small program in a process of its own, without site packages."""
    subprocess.run([sys.executable, "-I", "-S", "-c", "print(6 * 7)"], check=True, capture_output=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=100, help="runs of each program")
    runs = parser.parse_args().runs
    header(f"benchmarks/executor.py --runs {runs}")
    began = time.perf_counter()
    run_program("print(1)")
    print(f"first program of a process, imports included: {(time.perf_counter() - began) * MILLI:.0f} ms")
    seconds = paired({name: lambda code=code: run_program(code) for name, code in PROGRAMS.items()}, runs=runs)  # type: ignore[misc]
    started = paired({"starting CPython": start_cpython}, runs=max(5, runs // 10))
    rows = [[name, f"{median(taken):.2f}", spread(taken)] for name, taken in (seconds | started).items()]
    table(["program", "median ms", "quartiles"], rows)
    print(verdict("a small program, ms", median(seconds["print(6 * 7)"]), WANTED))


if __name__ == "__main__":
    main()
