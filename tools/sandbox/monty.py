"""The level `monty`: programs run in Monty, a Python subset in Rust, each in a worker process without files, network or environment.

The workers are kept warm (a run costs about a millisecond, the first one 30); a crash of one is an outcome of that run alone.
"""

import atexit
import os
import re
import signal
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Literal

from agentkit.errors import ToolError
from agentkit.tools.sandbox import Cancellation, Outcome
from agentkit.tools.sandbox.monty_source import PREFIX, prelude, rewrite

if TYPE_CHECKING:
    from pydantic_monty import Monty, MontyError, MontySession, ResourceLimits

__all__ = ["MAX_MEMORY", "MAX_OUTPUT", "MontyExecutor"]

MAX_MEMORY = 256 << 20
"""Bytes of a program's own objects."""

MAX_OUTPUT = 100_000
"""Characters that are kept of what a program prints; one that prints more is stopped."""

MAX_RECURSION = 900
MAX_HOST_CALLS = 1_000
WAIT = 60.0
"""Seconds to wait for a worker while others' programs run."""

_LOAD = """class Module:
    pass

def load(source):
    names, module = {}, Module()
    exec(source, names)
    for name, value in names.items():
        setattr(module, name, value)
    return module
"""
_UNSUPPORTED = re.compile(r"NotImplementedError: The monty syntax parser does not yet support (.*)", re.DOTALL)


class MontyExecutor:
    """Runs programs in Monty.

    >>> MontyExecutor().run("print(6 * 7)", timeout=5).output
    '42\\n'
    """

    level = "monty"

    def run(self, code: str, *, timeout: float, cancellation: Cancellation | None = None) -> Outcome:
        """Run a program; what it prints beyond `MAX_OUTPUT` characters ends it."""
        run = _Run(timeout)
        began = time.monotonic()
        try:
            value, error = run.go(code.encode("utf-8", "replace").decode("utf-8"), cancellation or Cancellation())
        finally:
            run.forget()
        return Outcome(output="".join(run.printed), value=value, error=error, level=self.level, seconds=time.monotonic() - began)

    @staticmethod
    def own_pids() -> list[int]:
        """The process ids of workers that are running a program now."""
        return sorted(_running)


class _Run:
    """One run: a session with a worker of the pool, and what it has printed."""

    def __init__(self, timeout: float) -> None:
        self.timeout = timeout
        self.printed: list[str] = []
        self.length = 0
        self.pid: int | None = None
        self.stopped: Literal["output", "cancelled"] | None = None

    def go(self, code: str, cancellation: Cancellation) -> tuple[str | None, str | None]:
        """Run the program; its value and its error, either or none."""
        from pydantic_monty import MontyError

        program = rewrite(code)
        limits: ResourceLimits = {
            "max_feed_duration_secs": self.timeout,
            "max_memory": MAX_MEMORY,
            "max_recursion_depth": MAX_RECURSION,
            "max_suspensions": MAX_HOST_CALLS,
            # sleeping is not counted as time by Monty: it is skipped, and bounded as well
            "max_total_sleep_secs": self.timeout,
        }
        try:
            with _pool().checkout(limits=limits, os_policy={"sleep": "zero"}, assert_message_annotations=False) as session:
                self.prepare(session, program.modules)
                cancellation.on_cancel(lambda: self.stop("cancelled"))
                try:
                    value = self.feed(session, program.code, code)
                finally:
                    cancellation.on_cancel(None)
        except MontyError as error:
            return None, self.explain(error)
        except TimeoutError:
            raise ToolError(f"no Python worker was free for {WAIT:g} seconds: try again later") from None
        return (value if program.has_value and type(value) is str else None), None

    def prepare(self, session: "MontySession", modules: Any) -> None:
        """Run the source of the modules that Monty lacks, and note which process the program will run in."""
        if modules:
            session.feed_run(_LOAD)
        for name in modules:
            session.feed_run(f"{PREFIX}{name} = load(source)", inputs={"source": prelude(name)})
        self.pid = session.worker_pid
        if self.pid is not None:
            _running.add(self.pid)

    def feed(self, session: "MontySession", code: str, original: str) -> Any:
        """Run the rewritten program, or the original one if rewriting has broken the syntax."""
        from pydantic_monty import MontySyntaxError

        # "None" ends it, so that no value of the program's own choice crosses over; the last try is for the error's own words
        for attempt in (code, f"{original}\nNone"):
            try:
                return session.feed_run(attempt, print_callback=self.take)
            except MontySyntaxError as error:
                if any(frame.function_name is not None for frame in error.traceback()):
                    raise  # a SyntaxError of an `eval` in the program, which has run
        return session.feed_run(original, print_callback=self.take)

    def take(self, stream: Literal["stdout", "stderr"], text: str) -> None:
        """Keep what is printed, up to the limit."""
        self.printed.append(text[: MAX_OUTPUT - self.length])
        self.length += len(self.printed[-1])
        if self.length >= MAX_OUTPUT:
            self.stop("output")

    def stop(self, reason: Literal["output", "cancelled"]) -> None:
        """End the worker: Monty looks at nothing while a program computes."""
        self.stopped = self.stopped or reason
        if self.pid is not None:
            with suppress(OSError):
                os.kill(self.pid, getattr(signal, "SIGKILL", signal.SIGTERM))

    def forget(self) -> None:
        """The process is no longer this run's."""
        pid, self.pid = self.pid, None
        _running.discard(pid or 0)

    def explain(self, error: "MontyError") -> str:
        """The last line of the traceback, in CPython's words where Monty has its own."""
        from pydantic_monty import MontyCrashedError, MontyRuntimeError, MontySyntaxError

        if self.stopped == "output":
            return f"OutputError: the program printed over {MAX_OUTPUT:,} characters and was stopped"
        if self.stopped == "cancelled":
            return "KeyboardInterrupt: the program was stopped"
        if not isinstance(error, MontyRuntimeError | MontySyntaxError):
            slow = isinstance(error, MontyCrashedError) and ("time" in str(error) or error.timed_out)
            return self.too_slow() if slow else "SystemError: the program crashed the interpreter"
        text = error.display("type-msg").strip()
        if text.startswith("TimeoutError: feed time limit exceeded"):
            return self.too_slow()
        if text.startswith("MemoryError: memory limit exceeded"):
            return f"MemoryError: the program needed over {MAX_MEMORY >> 20} MB"
        lacking = _UNSUPPORTED.fullmatch(text)
        return f"NotImplementedError: this Python has no {lacking[1]}: write it in another way" if lacking else text[:2_000]

    def too_slow(self) -> str:
        return f"TimeoutError: the program ran longer than {self.timeout:g} seconds"


_lock = threading.Lock()
_running: set[int] = set()
"""Workers that are running a program."""
_pools: dict[int, "Monty"] = {}
"""The pool by process id; one that was inherited by a fork is kept, since dropping it would end the parent's workers."""


def _pool() -> "Monty":
    with _lock:
        pool = _pools.get(os.getpid())
        if pool is None and _pools:
            # the threads that serve a pool are not copied by a fork: a second one would wait for them for ever
            raise ToolError("Python can't run in a process that was forked from one that has run it: start processes by 'spawn'")
        if pool is None:
            pool = _pools[os.getpid()] = _start_pool()
        return pool


def _start_pool() -> "Monty":
    try:
        from pydantic_monty import Monty
    except ImportError as error:
        raise ToolError(f"the python tool needs the package pydantic-monty ({error}): pip install pydantic-monty") from error
    pool = Monty(checkout_timeout=WAIT, max_checkouts_per_worker=200, max_processes=max(2, os.cpu_count() or 1))
    try:
        pool.__enter__()
    except Exception as error:
        raise ToolError(f"Monty's worker can't be started ({error}): pip install --force-reinstall pydantic-monty-runtime") from error
    atexit.register(_close, os.getpid())
    return pool


def _close(owner: int) -> None:
    """End the workers, those that are running a program as well."""
    if os.getpid() != owner:
        return
    for pid in list(_running):
        with suppress(OSError):
            os.kill(pid, getattr(signal, "SIGKILL", signal.SIGTERM))
    with suppress(Exception):
        _pools.pop(owner).__exit__(None, None, None)
