"""The one private event-loop thread of the process: every run happens there, whoever asks and from where.

Synchronous callers wait for it, callers with an event loop of their own await it, and what already runs on it goes on
without a detour. A cancelled run may still end in good order: its task is cancelled once, not at every await, which is
why this is a plain loop in a thread and not anyio's portal.
"""

import asyncio
import contextlib
import contextvars
import os
import queue
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from concurrent.futures import Future
from typing import Any, Generic, TypeVar

from agentkit.errors import UsageError

__all__ = ["aiterate", "arun", "in_thread", "iterate", "on_portal", "run"]

T = TypeVar("T")
_END = object()
GRACE = 10.0
"""Seconds that a cancelled run is waited for."""


class _Loop:
    """The thread and its loop; made at the first use. The thread is a daemon: it ends with the process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None

    def get(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                threading.Thread(target=self._serve, args=(self._loop,), name="agentkit", daemon=True).start()
            return self._loop

    @staticmethod
    def _serve(loop: asyncio.AbstractEventLoop) -> None:
        """Run the loop; a `SystemExit` in some task ends that task, and would end the loop as well."""
        while not loop.is_closed():
            with contextlib.suppress(BaseException):
                loop.run_forever()

    def here(self) -> bool:
        try:
            return asyncio.get_running_loop() is self._loop
        except RuntimeError:
            return False


_loop = _Loop()


def _after_fork() -> None:
    global _loop
    _loop = _Loop()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


class _Job(Generic[T]):
    """A coroutine that runs on the portal, as another thread sees it."""

    def __init__(self, coroutine: Coroutine[Any, Any, T]) -> None:
        self._coroutine = coroutine
        self._loop = _loop.get()
        self._task: asyncio.Task[None] | None = None
        self._cancelled = False
        self._over = threading.Event()
        self._callbacks: list[Callable[[], None]] = []
        self._value: Any = None
        self._error: BaseException | None = None
        context = contextvars.copy_context()
        self._loop.call_soon_threadsafe(self._start, context)

    def _start(self, context: contextvars.Context) -> None:
        self._task = self._loop.create_task(self._work(), context=context)
        if self._cancelled:
            self._task.cancel()

    async def _work(self) -> None:
        try:
            self._value = await self._coroutine
        except BaseException as error:  # handed to whoever waits; raised here it would end the loop
            self._error = error
        finally:
            self._over.set()
            for callback in self._callbacks:
                callback()

    def when_over(self, callback: Callable[[], None]) -> None:
        """Call `callback` on the portal's thread when the job has ended."""

        def add() -> None:
            if self._over.is_set():
                callback()
            else:
                self._callbacks.append(callback)

        self._loop.call_soon_threadsafe(add)

    def cancel(self) -> None:
        def cancel() -> None:
            self._cancelled = True
            if self._task is not None:
                self._task.cancel()

        self._loop.call_soon_threadsafe(cancel)

    def stop(self) -> None:
        """Cancel the job and wait until it has ended, for `GRACE` seconds at most."""
        if not self._over.is_set():
            self.cancel()
            self._over.wait(GRACE)

    def wait(self) -> T:
        self._over.wait()
        return self.result()

    def result(self) -> T:
        if self._error is not None:
            raise self._error
        value: T = self._value
        return value


def on_portal() -> bool:
    """Whether the caller runs on the portal's loop."""
    return _loop.here()


async def in_thread(work: Callable[[], T]) -> T:
    """Do what blocks in a thread of its own; a daemon, so that work that hangs never keeps the process from ending."""
    future: Future[T] = Future()
    context = contextvars.copy_context()

    def do() -> None:
        try:
            result = context.run(work)
        except BaseException as error:
            future.set_exception(error)
        else:
            future.set_result(result)

    future.set_running_or_notify_cancel()
    threading.Thread(target=do, name="agentkit work", daemon=True).start()
    return await asyncio.wrap_future(future)


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine and wait for it; Ctrl-C cancels it, waits until it has ended, and is raised then.

    Raises:
        UsageError: called from a coroutine that runs on the portal itself, which would wait for itself for ever.

    >>> async def double(n: int) -> int:
    ...     return 2 * n
    >>> run(double(21))
    42
    """
    _refuse_on_portal(coroutine)
    job = _Job(coroutine)
    try:
        return job.wait()
    finally:
        job.stop()


async def arun(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine from any event loop; cancelling the caller cancels it, and waits until it has ended."""
    if on_portal():
        return await coroutine
    job = _Job(coroutine)
    loop, over = asyncio.get_running_loop(), asyncio.Event()
    job.when_over(lambda: _tell(loop, over.set))
    try:
        await over.wait()
    except asyncio.CancelledError:
        job.cancel()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(over.wait(), GRACE)
        raise
    return job.result()


def iterate(items: AsyncIterator[T]) -> Iterator[T]:
    """Yield what an asynchronous iterator yields; closing this one, or Ctrl-C, cancels it.

    What it still yields while Ctrl-C cancels it is handed on before `KeyboardInterrupt` is raised.
    """
    waiting: queue.SimpleQueue[Any] = queue.SimpleQueue()
    draining = _drain(items, waiting.put)
    _refuse_on_portal(draining)
    job = _Job(draining)
    job.when_over(lambda: waiting.put(_END))
    try:
        while (item := waiting.get()) is not _END:
            yield item
        job.result()
    except KeyboardInterrupt:
        job.stop()
        yield from _rest(waiting)
        raise
    finally:
        job.stop()


def _rest(waiting: "queue.SimpleQueue[Any]") -> Iterator[Any]:
    while not waiting.empty():
        item = waiting.get()
        if item is not _END:
            yield item


async def aiterate(items: AsyncIterator[T]) -> AsyncIterator[T]:
    """`iterate` for callers with an event loop."""
    if on_portal():
        async for item in items:
            yield item
        return
    loop = asyncio.get_running_loop()
    waiting: asyncio.Queue[Any] = asyncio.Queue()
    job = _Job(_drain(items, lambda item: _tell(loop, lambda: waiting.put_nowait(item))))
    job.when_over(lambda: _tell(loop, lambda: waiting.put_nowait(_END)))
    try:
        while (item := await waiting.get()) is not _END:
            yield item
        job.result()
    finally:
        job.cancel()


async def _drain(items: AsyncIterator[T], put: Callable[[Any], None]) -> None:
    async for item in items:
        put(item)


def _tell(loop: asyncio.AbstractEventLoop, what: Callable[[], Any]) -> None:
    with contextlib.suppress(RuntimeError):  # the caller's loop is closed: nobody waits any more
        loop.call_soon_threadsafe(what)


def _refuse_on_portal(coroutine: Coroutine[Any, Any, Any]) -> None:
    if on_portal():
        coroutine.close()
        raise UsageError(
            "ask, stream, batch and resume wait, so they can't be called from a coroutine that agentkit runs: "
            "await aask, abatch or aresume, or use astream"
        )
