"""The agent's process in the tests of hostile programs: it holds secrets, runs each step of a program, and reports what came of it.

Reads one JSON object from standard input, says `ready` when it is warm, waits for a line, and prints one JSON object at the end.
Run by `stage.py`, as an unprivileged user.
"""

import json
import os
import resource
import signal
import sys
import time
from typing import Any

LIMITS = (
    (resource.RLIMIT_AS, 3500 << 20),
    (resource.RLIMIT_FSIZE, 400 << 20),
    (resource.RLIMIT_NPROC, 450),
    (resource.RLIMIT_CPU, 60),
    (resource.RLIMIT_NOFILE, 4096),
    (resource.RLIMIT_CORE, 0),
)
"""So that a program that gets out of the executor can't hurt the machine."""


def run(code: str, timeout: float) -> str:
    """A program as the agent runs it."""
    from agentkit.errors import ToolError
    from agentkit.tools.python import run_program

    try:
        return run_program(code, timeout=timeout)
    except ToolError as error:
        return str(error)


def main() -> None:
    config: dict[str, Any] = json.loads(sys.stdin.readline())
    globals()["SECRET"] = config["memory"]
    sys.path[:0] = config["path"]
    os.environ["MONTY_BIN"] = config["monty"]
    signals: list[int] = []
    signal.signal(signal.SIGUSR1, lambda number, frame: signals.append(number))
    for limit, value in LIMITS:
        resource.setrlimit(limit, (value, value))
    report = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    print(json.dumps({"warm": run("print(6 * 7)", 10) == "42"}), file=report, flush=True)
    sys.stdin.readline()
    outputs, slowest = [], 0.0
    for step in config["steps"]:
        began = time.monotonic()
        outputs.append(run(step, config["timeout"]))
        slowest = max(slowest, time.monotonic() - began)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    result = {"output": outputs[-1], "seconds": slowest, "memory_mb": memory, "signalled": bool(signals)}
    print(json.dumps(result), file=report, flush=True)
    sys.stdin.readline()


if __name__ == "__main__":
    main()
