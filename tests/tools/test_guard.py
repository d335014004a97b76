"""A tool under its policy: time, failures, and what passes through."""

import asyncio
import contextvars
import threading
import time
from typing import Annotated, Any

import pytest
from langchain_core.messages import ToolMessage
from langchain_core.tools import BaseTool, InjectedToolArg, StructuredTool, ToolException
from langchain_core.tools import tool as langchain_tool

from agentkit.errors import DocumentError, ToolError
from agentkit.tools import Policy, tool
from agentkit.tools.guard import guard


@tool(timeout=0.2)
def wait(seconds: float) -> str:
    """Wait."""
    time.sleep(seconds)
    return "done"


@tool(timeout=0.2)
async def wait_async(seconds: float) -> str:
    """Wait."""
    await asyncio.sleep(seconds)
    return "done"


@tool
def fail(how: str) -> str:
    """Fail."""
    raise {
        "key": KeyError("x"),
        "tool": ToolException("no such street"),
        "ours": ToolError("told"),
        "documents": DocumentError("unreadable"),
        "exit": SystemExit(3),
        "time": TimeoutError("the server"),
        "stop": StopIteration(),
        "empty": ValueError(),
    }[how]


both = pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])


async def call(made: BaseTool, args: Any, is_async: bool) -> Any:
    guarded = guard(made)
    return await guarded.ainvoke(args) if is_async else await asyncio.to_thread(guarded.invoke, args)


@both
@pytest.mark.parametrize("made", [wait, wait_async], ids=["sync tool", "async tool"])
async def test_any_tool_can_be_called_either_way(made: BaseTool, is_async: bool) -> None:
    assert await call(made, {"seconds": 0}, is_async) == "done"


@both
async def test_a_synchronous_tool_that_is_too_slow_may_still_be_running(is_async: bool) -> None:
    began = time.monotonic()
    with pytest.raises(ToolError, match=r"^wait took longer than 0\.2 seconds and may still be running"):
        await call(wait, {"seconds": 1}, is_async)
    assert time.monotonic() - began < 0.8


async def test_an_asynchronous_tool_that_is_too_slow_is_stopped() -> None:
    with pytest.raises(ToolError, match="and was stopped"):
        await call(wait_async, {"seconds": 30}, True)


@both
@pytest.mark.parametrize(
    ("how", "told"),
    [
        ("key", "KeyError: 'x'"),
        ("tool", "no such street"),
        ("ours", "told"),
        ("exit", "the tool tried to end the process"),
        ("time", "TimeoutError: the server"),
        ("stop", "RuntimeError: StopIteration: "),
        ("empty", "ValueError"),
    ],
)
async def test_every_failure_is_an_observation(how: str, told: str, is_async: bool) -> None:
    with pytest.raises(ToolError) as caught:
        await call(fail, {"how": how}, is_async)
    assert str(caught.value) == told


@both
async def test_our_errors_that_end_a_run_pass(is_async: bool) -> None:
    with pytest.raises(DocumentError, match="unreadable"):
        await call(fail, {"how": "documents"}, is_async)


@both
async def test_a_pause_of_the_graph_passes(is_async: bool) -> None:
    from langgraph.errors import GraphInterrupt

    @tool
    def ask(question: str) -> str:
        """Ask the user."""
        raise GraphInterrupt(())

    with pytest.raises(GraphInterrupt):
        await call(ask, {"question": "?"}, is_async)


@both
async def test_wrong_arguments_are_told_before_anything_runs(is_async: bool) -> None:
    ran = []

    @tool
    def note(text: str) -> str:
        """Note it."""
        ran.append(text)
        return "ok"

    with pytest.raises(ToolError, match="argument 'text' is missing"):
        await call(note, {}, is_async)
    with pytest.raises(ToolError, match="the arguments came as"):
        await call(note, 3, is_async)
    assert ran == []


@both
async def test_a_string_stands_for_the_only_argument(is_async: bool) -> None:
    @tool
    def shout(text: str) -> str:
        """Shout."""
        return text.upper()

    assert await call(shout, "hey", is_async) == "HEY"


@both
async def test_a_tool_call_gives_a_message_with_the_artifact(is_async: bool) -> None:
    @tool(response_format="content_and_artifact")
    def find(query: str) -> tuple[str, dict[str, Any]]:
        """Find."""
        return "found", {"passages": [{"source": "a.md", "location": "", "text": query}]}

    message = await call(find, {"type": "tool_call", "id": "1", "name": "find", "args": {"query": "q"}}, is_async)
    assert isinstance(message, ToolMessage)
    assert (message.content, message.tool_call_id, message.artifact["passages"][0]["text"]) == ("found", "1", "q")


@both
async def test_data_comes_back_as_data(is_async: bool) -> None:
    @langchain_tool
    def weather(place: str) -> dict[str, Any]:
        """Weather."""
        return {"place": place, "degrees": 21}

    assert await call(weather, {"place": "Oslo"}, is_async) == {"place": "Oslo", "degrees": 21}


@both
async def test_a_json_schema_tool_is_called_with_its_arguments(is_async: bool) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    made = StructuredTool.from_function(lambda n: n * 2, name="twice", description="Twice n.", args_schema=schema)
    assert await call(made, {"n": 4}, is_async) == 8


@both
async def test_injected_arguments_pass(is_async: bool) -> None:
    @tool
    def note(text: str, user: Annotated[str, InjectedToolArg]) -> str:
        """Note it."""
        return f"{user}: {text}"

    assert await call(note, {"text": "milk", "user": "Ana"}, is_async) == "Ana: milk"


@both
async def test_context_variables_are_seen_in_the_tool(is_async: bool) -> None:
    who = contextvars.ContextVar("who", default="nobody")

    @tool
    def name() -> str:
        """Who it is."""
        return who.get()

    who.set("Ana")
    assert await call(name, {}, is_async) == "Ana"


async def test_a_tool_that_is_a_class_with_both_forms() -> None:
    class Two(BaseTool):
        name: str = "two"
        description: str = "Two forms."

        def _run(self, n: int) -> str:
            return f"sync {n}"

        async def _arun(self, n: int) -> str:
            return f"async {n}"

    assert guard(Two()).invoke({"n": 1}) == "sync 1"
    assert await guard(Two()).ainvoke({"n": 1}) == "async 1"


async def test_cancelling_ends_the_call_at_once() -> None:
    task = asyncio.create_task(guard(wait_async, Policy(timeout=30)).ainvoke({"seconds": 20}))
    await asyncio.sleep(0.05)
    task.cancel()
    began = time.monotonic()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert time.monotonic() - began < 0.5


def test_threads_of_tools_do_not_hold_up_the_end_of_the_process() -> None:
    with pytest.raises(ToolError):
        guard(wait).invoke({"seconds": 0.6})
    assert all(thread.daemon for thread in threading.enumerate() if thread.name == "tool wait")


def test_a_guarded_tool_looks_like_the_tool_and_is_not_wrapped_twice() -> None:
    once = guard(wait)
    twice = guard(once)
    assert twice.inner is wait and twice.policy == once.policy
    assert (once.name, once.description, once.args) == (wait.name, wait.description, wait.args)


def test_another_policy_takes_the_place_of_its_own() -> None:
    guarded = guard(guard(wait, Policy(timeout=5)))
    assert guarded.policy.timeout == 5
    assert guarded._run(seconds=0, config={}) == "done"
