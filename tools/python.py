"""The tool `python`: runs a program and reads like a REPL, whichever executor runs it."""

import asyncio
import re
import textwrap
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING

from agentkit.contract import render_cut
from agentkit.errors import ToolError
from agentkit.tools.sandbox import Cancellation, Outcome, executor
from agentkit.tools.terminal import neutral

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool

__all__ = ["LEVEL", "make_python", "render", "run_program"]

LEVEL = "monty"
"""The level that programs run at; see `agentkit.tools.sandbox`."""

MAX_CODE = 50_000
_HEAD, _TAIL = 12_000, 4_000
"""How many characters of a long output are kept at its beginning and at its end."""

GRACE = 10.0
"""Seconds after a program's time at which an executor that does not come back is given up."""

_TOKEN = 4
"""Characters a token, about; only for the note that says how much was left out."""

_FENCE = re.compile(r"\s*```[ \t]*\w*[ \t]*\n(.*?)\n?[ \t]*```\s*", re.DOTALL)


def run_program(code: str, *, timeout: float | None = None, level: str = LEVEL, cancellation: Cancellation | None = None) -> str:
    """Run a program and return what the model reads: what it printed, then the value of its last expression.

    Args:
        code: The program; a Markdown fence around it and a common indent are taken off.
        timeout: Seconds; default: the setting `python_timeout` (`AGENTKIT_PYTHON_TIMEOUT`).
        level: The executor's level.
        cancellation: Stops the program from another thread.

    Raises:
        ToolError: The program failed: what it printed, then the last line of the traceback.
        SettingsError: `AGENTKIT_PYTHON_TIMEOUT` is no number of seconds.

    >>> run_program("print('a')\\n[n * n for n in range(4)]")
    'a\\n[0, 1, 4, 9]'
    >>> run_program("x = 1 / 0")
    Traceback (most recent call last):
    agentkit.errors.ToolError: ZeroDivisionError: division by zero
    """
    from agentkit.settings import load

    if len(code) > MAX_CODE:
        raise ToolError(f"the program has {len(code):,} characters: {MAX_CODE:,} are allowed")
    seconds = timeout if timeout is not None else load().python_timeout
    return render(executor(level).run(_unwrapped(code), timeout=seconds, cancellation=cancellation))


def render(outcome: Outcome) -> str:
    """An outcome as the model reads it, the same for every executor.

    Raises:
        ToolError: The program failed.
    """
    printed = _bounded(neutral(outcome.output)).rstrip("\n")
    end = outcome.error if outcome.error is not None else outcome.value
    text = "\n".join(part for part in (printed, _bounded(neutral(end or ""))) if part)
    if outcome.error is not None:
        raise ToolError(text)
    return text or "The program printed nothing: end it with print(...)."


def _bounded(text: str) -> str:
    if len(text) <= _HEAD + _TAIL:
        return text
    return f"{text[:_HEAD]}\n{render_cut((len(text) - _HEAD - _TAIL) // _TOKEN)}\n{text[-_TAIL:]}"


def _unwrapped(code: str) -> str:
    fenced = _FENCE.fullmatch(code)
    return textwrap.dedent(fenced[1] if fenced else code).strip("\n") + "\n"


def _start(code: str, seconds: float, stop: Cancellation) -> "Future[str]":
    future: Future[str] = Future()
    future.set_running_or_notify_cancel()

    def work() -> None:
        try:
            future.set_result(run_program(code, timeout=seconds, cancellation=stop))
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=work, name="python program", daemon=True).start()
    return future


def _run(code: str) -> str:
    """Run a program in the time that the settings give now; an executor that keeps no time is given up soon after it."""
    from agentkit.settings import load

    seconds, stop = load().python_timeout, Cancellation()
    future = _start(code, seconds, stop)
    try:
        return future.result(seconds + GRACE)
    except TimeoutError:
        if future.done():
            raise
        stop.cancel()
        raise _hangs(seconds + GRACE) from None


async def _run_stoppable(code: str) -> str:
    """The same from asynchronous code; cancelling the task ends the program."""
    from agentkit.settings import load

    stop = Cancellation()
    seconds = (await asyncio.to_thread(load)).python_timeout  # it reads a file, which an event loop may not
    try:
        async with asyncio.timeout(seconds + GRACE) as clock:
            return await asyncio.wrap_future(_start(code, seconds, stop))
    except asyncio.CancelledError:
        stop.cancel()
        raise
    except TimeoutError:
        if not clock.expired():
            raise
        stop.cancel()
        raise _hangs(seconds + GRACE) from None


def _hangs(seconds: float) -> ToolError:
    return ToolError(f"python took longer than {seconds:g} seconds and may still be running: ask for less, or try something else")


def make_python() -> "BaseTool":
    """The tool as an agent is given it; its level stands in the metadata."""
    from langchain_core.tools import StructuredTool

    from agentkit.settings import MOST_SECONDS
    from agentkit.tools.policy import POLICY_KEY, Policy

    def python(code: str) -> str:
        """Run a Python program and read what it prints.

        Args:
            code: the program; it ends with print(...) of the result
        """
        return _run(code)

    # the tool keeps the time itself, by the settings at each call: a policy is made once, so it can only say the most
    policy = Policy(timeout=MOST_SECONDS + 2 * GRACE, effect="none", approval="auto")
    metadata = {POLICY_KEY: policy, "level": LEVEL}
    return StructuredTool.from_function(func=python, coroutine=_run_stoppable, parse_docstring=True, metadata=metadata)
