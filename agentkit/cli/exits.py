"""Exit codes, and the one place where an error becomes a message."""

import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import typer

from agentkit.cli.terminal import visible
from agentkit.disk import is_full
from agentkit.errors import AgentkitError, UsageError

__all__ = ["ANSWERED", "CANCELLED", "FAILED", "STOPPED", "WAITS", "WRONG_USE", "exit_code", "explained", "message_of", "report"]

ANSWERED, WRONG_USE, STOPPED, FAILED, WAITS, CANCELLED = 0, 2, 3, 4, 5, 130

_CODES = {"answered": ANSWERED, "needs_approval": WAITS, "cancelled": CANCELLED, "error": FAILED}


def exit_code(stop_reason: str) -> int:
    """The exit code of an answer; a stop reason that is not known here counts as stopped.

    >>> exit_code("answered"), exit_code("max_steps"), exit_code("cancelled")
    (0, 3, 130)
    """
    return _CODES.get(stop_reason, STOPPED)


@contextmanager
def explained(debug: bool = False) -> Iterator[None]:
    """Turn every error of a command into one message on stderr and an exit code; never a bare traceback."""
    debug = debug or os.environ.get("AGENTKIT_DEBUG", "") not in ("", "0")
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except KeyboardInterrupt:
        report("cancelled")
        raise typer.Exit(CANCELLED) from None
    except BrokenPipeError:
        _let_go_of_stdout()
        raise typer.Exit(ANSWERED) from None
    except (typer.Exit, typer.Abort, typer.BadParameter):
        raise
    except Exception as error:
        if debug:
            traceback.print_exc()
        report(message_of(error, debug=debug))
        if isinstance(error, OSError):
            _let_go_of_stdout()
        raise typer.Exit(error.exit_code if isinstance(error, AgentkitError) else FAILED) from None


def report(message: str) -> None:
    """One message on stderr."""
    sys.stderr.write(f"agentkit: {visible(message)}\n")
    sys.stderr.flush()


def _let_go_of_stdout() -> None:
    """Whoever read our output has left (`agentkit ask ... | head`), or its disk is full: Python would fail again as it closes it."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def message_of(error: Exception, *, debug: bool = False) -> str:
    """What a user is told of an error."""
    if isinstance(error, UsageError | AgentkitError):
        return str(error) or type(error).__name__
    if isinstance(error, OSError) and is_full(error):
        return f"the disk is full: {error}. What was finished is kept; make room and run the same command again"
    if isinstance(error, OSError):
        return str(error)
    if isinstance(error, MemoryError):
        return "out of memory: take a smaller model, or a smaller context window (--set n_ctx=2048)"
    hint = "" if debug else "; --debug (or AGENTKIT_DEBUG=1) shows where"
    return f"unexpected {type(error).__name__}: {str(error)[:500]}{hint}"
