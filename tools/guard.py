"""A tool under its policy: arguments checked, time limited, every failure a `ToolError`."""

import asyncio
import contextvars
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any

from langchain_core.tools import BaseTool, StructuredTool, ToolException
from langchain_core.tools.simple import Tool

from agentkit.errors import AgentkitError, ToolError
from agentkit.tools.arguments import validate_args
from agentkit.tools.policy import Policy, policy_of

__all__ = ["GuardedTool", "guard"]

_SHARED = ("name", "description", "tags", "metadata", "return_direct", "response_format", "extras")


class GuardedTool(BaseTool):
    """A LangChain tool that calls another one under a policy.

    A call with wrong arguments, a failure and a call that takes too long raise `ToolError`. A synchronous tool runs in a thread:
    after its time is over the call returns, but the thread can't be stopped, and the message says so.
    """

    inner: BaseTool
    policy: Policy

    def run(self, tool_input: str | dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        """Run the tool from synchronous code."""
        values = self._checked(tool_input)
        if _is_async(self.inner) and not _has_sync(self.inner):
            future = _start(lambda: asyncio.run(self.inner.arun(values, *args, **kwargs)), self.name)
        else:
            future = _start(lambda: self.inner.run(values, *args, **kwargs), self.name)
        try:
            return future.result(self.policy.timeout)
        except (Exception, SystemExit) as error:
            if isinstance(error, TimeoutError) and not future.done():
                raise self._too_slow(stopped=False) from None
            if _passes(error):
                raise
            raise _tool_error(error) from error

    async def arun(self, tool_input: str | dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        """Run the tool from asynchronous code; cancelling stops a tool that is asynchronous itself."""
        values = self._checked(tool_input)
        stoppable = _is_async(self.inner)
        try:
            async with asyncio.timeout(self.policy.timeout) as clock:
                if stoppable:
                    return await self.inner.arun(values, *args, **kwargs)
                return await asyncio.wrap_future(_start(lambda: self.inner.run(values, *args, **kwargs), self.name))
        except (Exception, SystemExit) as error:
            if isinstance(error, TimeoutError) and clock.expired():
                raise self._too_slow(stopped=stoppable) from None
            if _passes(error):
                raise
            raise _tool_error(error) from error

    def _run(self, *args: Any, **kwargs: Any) -> Any:
        """LangChain asks for it; `run` and `arun` never come here."""
        return self.inner._run(*args, **kwargs)

    def _checked(self, tool_input: str | dict[str, Any]) -> dict[str, Any]:
        """The arguments as a checked dict; a string stands for a tool's only argument."""
        names = list(self.inner.args)
        values = {names[0]: tool_input} if isinstance(tool_input, str) and len(names) == 1 else tool_input
        if not isinstance(values, dict):
            return validate_args(self.inner, values)
        validate_args(self.inner, self.inner._filter_injected_args(values))
        return values

    def _too_slow(self, *, stopped: bool) -> ToolError:
        end = "was stopped" if stopped else "may still be running"
        return ToolError(f"{self.name} took longer than {self.policy.timeout:g} seconds and {end}: ask for less, or try something else")


def guard(tool: BaseTool, policy: Policy | None = None) -> GuardedTool:
    """Put a tool under a policy, by default the one that it carries.

    >>> from agentkit.tools import tool
    >>> @tool(timeout=2)
    ... def halve(n: float) -> float:
    ...     "Half of n."
    ...     return n / 2
    >>> guard(halve).invoke({"n": 5})
    2.5
    """
    inner = tool.inner if isinstance(tool, GuardedTool) else tool
    policy = policy or (tool.policy if isinstance(tool, GuardedTool) else policy_of(tool))
    shared = {name: getattr(inner, name) for name in _SHARED}
    schema = inner.args_schema if inner.args_schema is not None else inner.get_input_schema()
    return GuardedTool(inner=inner, policy=policy, args_schema=schema, **shared)


def _is_async(tool: BaseTool) -> bool:
    """Whether the tool has an asynchronous form of its own, rather than LangChain's thread around the other."""
    if isinstance(tool, StructuredTool | Tool):
        return tool.coroutine is not None
    return type(tool)._arun is not BaseTool._arun


def _has_sync(tool: BaseTool) -> bool:
    return not isinstance(tool, StructuredTool | Tool) or tool.func is not None


def _start(work: Callable[[], Any], name: str) -> "Future[Any]":
    """Run `work` in a thread that neither the interpreter's end nor an event loop's waits for."""
    future: Future[Any] = Future()
    future.set_running_or_notify_cancel()
    context = contextvars.copy_context()

    def run() -> None:
        threading.current_thread().name = f"tool {name}"
        try:
            result = context.run(work)
        except StopIteration as error:  # asyncio's futures refuse it
            future.set_exception(RuntimeError(f"StopIteration: {error}"))
        except BaseException as error:
            future.set_exception(error)
        else:
            future.set_result(result)

    _threads.run(run)
    return future


class _Threads:
    """Daemon threads that are used again, since starting one costs a third of a millisecond; one that hangs never comes back."""

    MOST_IDLE = 8

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: list[SimpleQueue[Callable[[], None]]] = []

    def run(self, work: Callable[[], None]) -> None:
        with self._lock:
            tasks = self._idle.pop() if self._idle else None
        if tasks is None:
            tasks = SimpleQueue()
            threading.Thread(target=self._serve, args=(tasks,), daemon=True).start()
        tasks.put(work)

    def _serve(self, tasks: "SimpleQueue[Callable[[], None]]") -> None:
        while True:
            tasks.get()()
            threading.current_thread().name = "tool, idle"
            with self._lock:
                if len(self._idle) >= self.MOST_IDLE:
                    return
                self._idle.append(tasks)


_threads = _Threads()


def _after_fork() -> None:
    global _threads
    _threads = _Threads()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def _passes(error: BaseException) -> bool:
    """Our own errors pass, and LangGraph's exceptions that pause a run (looked up, so that nothing is imported for it)."""
    graph_errors = sys.modules.get("langgraph.errors")
    return isinstance(error, AgentkitError) or (graph_errors is not None and isinstance(error, graph_errors.GraphBubbleUp))


def _tool_error(error: BaseException) -> ToolError:
    """A failure as an observation."""
    if isinstance(error, ToolException):
        return ToolError(str(error) or "the tool failed without a message")
    if isinstance(error, SystemExit):
        return ToolError("the tool tried to end the process")
    return ToolError(f"{type(error).__name__}: {error}" if str(error) else type(error).__name__)
