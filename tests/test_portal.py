"""The private event loop."""

import asyncio
import os
import threading
import time
from collections.abc import AsyncIterator

import pytest

from agentkit import portal
from agentkit.errors import UsageError


async def where() -> str:
    await asyncio.sleep(0)
    return threading.current_thread().name


async def numbers() -> AsyncIterator[int]:
    for number in range(3):
        await asyncio.sleep(0)
        yield number


async def fails() -> None:
    raise ValueError("no")


async def failing() -> AsyncIterator[int]:
    yield 1
    raise ValueError("no")


def test_coroutines_run_on_one_thread() -> None:
    assert portal.run(where()) == "agentkit"
    assert not portal.on_portal()


async def test_they_do_for_callers_with_a_loop() -> None:
    assert await portal.arun(where()) == "agentkit"
    assert [number async for number in portal.aiterate(numbers())] == [0, 1, 2]


def test_what_runs_there_goes_on_there() -> None:
    async def inner() -> tuple[str, list[int]]:
        assert portal.on_portal()
        return await portal.arun(where()), [number async for number in portal.aiterate(numbers())]

    assert portal.run(inner()) == ("agentkit", [0, 1, 2])


def test_iterating() -> None:
    assert list(portal.iterate(numbers())) == [0, 1, 2]


async def test_errors_reach_the_caller() -> None:
    with pytest.raises(ValueError, match="no"):
        portal.run(fails())
    with pytest.raises(ValueError, match="no"):
        await portal.arun(fails())
    with pytest.raises(ValueError, match="no"):
        list(portal.iterate(failing()))
    with pytest.raises(ValueError, match="no"):
        [number async for number in portal.aiterate(failing())]


def test_waiting_for_oneself_is_refused() -> None:
    async def waits() -> None:
        portal.run(where())

    async def iterates() -> None:
        list(portal.iterate(numbers()))

    for coroutine in (waits(), iterates()):
        with pytest.raises(UsageError, match="await aask"):
            portal.run(coroutine)


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt])
def test_an_error_that_would_end_a_loop_does_not_end_this_one(error: type[BaseException]) -> None:
    async def raises() -> None:
        raise error

    async def task_raises() -> None:
        await asyncio.get_running_loop().create_task(raises())

    for coroutine in (raises(), task_raises()):
        with pytest.raises(error):
            portal.run(coroutine)
    assert portal.run(where()) == "agentkit"


async def test_cancelling_waits_for_the_end() -> None:
    ended = []

    async def slow() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.05)
            ended.append(True)

    task = asyncio.ensure_future(portal.arun(slow()))
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended == [True]


def test_work_in_a_thread_of_its_own() -> None:
    async def work() -> str:
        return await portal.in_thread(lambda: threading.current_thread().name)

    async def broken() -> None:
        await portal.in_thread(lambda: 1 / 0)

    assert portal.run(work()) == "agentkit work"
    with pytest.raises(ZeroDivisionError):
        portal.run(broken())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_process_gets_a_loop_of_its_own() -> None:
    portal.run(where())
    child = os.fork()
    if child == 0:
        os._exit(0 if portal.run(where()) == "agentkit" else 1)
    for _ in range(200):
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            break
        time.sleep(0.05)
    assert (done, status) == (child, 0)
