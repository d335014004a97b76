"""Executors of programs that a model has written: one file a level, all with the same result.

A level is a promise, by name, and is never replaced by a weaker one:

```
monty    a Python subset in Rust in a process of its own: no file, no socket, no environment, no other process;
         time, memory, recursion, output and sleep bounded; nothing is left from one run to the next
```
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from agentkit.errors import UsageError

__all__ = ["LEVELS", "Cancellation", "Executor", "Outcome", "executor"]

LEVELS = ("monty",)
"""The levels there are, the strongest last."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of a program."""

    output: str = ""
    """What it printed, as far as it was kept."""
    value: str | None = None
    """The `repr` of its last expression, unless that is None."""
    error: str | None = None
    """The last line of the traceback."""
    level: str
    """The level it ran at."""
    seconds: float = 0.0


class Cancellation:
    """Lets another thread stop a program that is running.

    >>> stop = Cancellation()
    >>> stop.on_cancel(lambda: print("stopped"))
    >>> stop.cancel()
    stopped
    """

    def __init__(self) -> None:
        self._action: Callable[[], None] | None = None
        self._lock = threading.RLock()
        self.cancelled = False

    def on_cancel(self, action: Callable[[], None] | None) -> None:
        """Set what stops the program, as soon as it can be stopped; `None` once there is nothing to stop."""
        with self._lock:
            self._action = action
            if self.cancelled and action is not None:
                action()

    def cancel(self) -> None:
        """Stop the program, now or when it starts."""
        with self._lock:
            self.cancelled = True
            if self._action is not None:
                self._action()


class Executor(Protocol):
    """Runs programs at one level."""

    level: str

    def run(self, code: str, *, timeout: float, cancellation: Cancellation | None = None) -> Outcome:
        """Run a program for `timeout` seconds at most; a program that fails has an outcome as well.

        Raises:
            ToolError: The program could not be run at all.
        """


def executor(level: str = "monty") -> Executor:
    """The executor of a level.

    Raises:
        UsageError: There is no such level.

    >>> executor("none")
    Traceback (most recent call last):
    agentkit.errors.UsageError: there is no executor level 'none': choose one of monty
    """
    if level == "monty":
        from agentkit.tools.sandbox.monty import MontyExecutor

        return MontyExecutor()
    raise UsageError(f"there is no executor level {level!r}: choose one of {', '.join(LEVELS)}")
