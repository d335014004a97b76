"""One turn of a model."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from langchain_core.language_models import FakeListChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.outputs import ChatGenerationChunk

from agentkit import tool
from agentkit.errors import ModelError
from agentkit.graphs.nodes.speak import HELD_BACK, Request, Spoken, call_id, settle, speak
from agentkit.testing import ScriptedModel


@tool
def add(a: int, b: int) -> int:
    """Add."""
    return a + b


class Pieces(ScriptedModel):
    """Streams the pieces it is given."""

    def __init__(self, outputs: Any = (), **fields: Any) -> None:
        super().__init__(outputs, **fields)

    async def _astream(self, *args: Any, **options: Any) -> AsyncIterator[ChatGenerationChunk]:
        for piece in self._outputs:
            await asyncio.sleep(0)
            if isinstance(piece, float):
                await asyncio.sleep(piece)
            else:
                yield ChatGenerationChunk(message=piece)


def call(name: str | None, args: str, index: int = 0, id_: str | None = "a") -> AIMessageChunk:
    return AIMessageChunk(content="", tool_call_chunks=[tool_call_chunk(name=name, args=args, id=id_, index=index)])


async def said(pieces: list[Any], **request: Any) -> tuple[Spoken, list[str]]:
    heard: list[str] = []
    spoken = await speak(Pieces(pieces), [HumanMessage("x")], Request(**{"tools": [add], **request}), heard.append, bound={})
    return spoken, heard


async def test_a_call_in_pieces_is_joined() -> None:
    spoken, heard = await said([call("add", '{"a"'), call(None, ': 1, "b": 2}', id_=None)])
    assert [(item["name"], item["args"]) for item in spoken.message.tool_calls] == [("add", {"a": 1, "b": 2})]
    assert heard == []


@pytest.mark.parametrize("args", ['{"a": 1', '{"a": "hel', "[1]", '"x"', "{'a': 1}"])
async def test_arguments_that_are_cut_or_broken_are_never_repaired(args: str) -> None:
    spoken, _ = await said([call("add", args)])
    assert spoken.message.tool_calls == []
    assert [item["args"] for item in spoken.message.invalid_tool_calls] == [args]


async def test_a_call_without_arguments_has_none() -> None:
    spoken, _ = await said([call("add", "")])
    assert spoken.message.tool_calls[0]["args"] == {}


async def test_text_waits_for_a_call_behind_it_where_it_may_be_a_thought() -> None:
    spoken, heard = await said([AIMessageChunk(content="Let me "), AIMessageChunk(content="see."), call("add", "{}")])
    assert (heard, spoken.message.content) == ([], "Let me see.")
    _, heard = await said([AIMessageChunk(content="It "), AIMessageChunk(content="is.")])
    assert heard == ["It ", "is."]
    long = "x" * (HELD_BACK + 1)
    _, heard = await said([AIMessageChunk(content=long), AIMessageChunk(content="y"), call("add", "{}")])
    assert heard == [long, "y"]


async def test_an_answer_that_is_forced_is_heard_at_once() -> None:
    heard: list[str] = []
    model = Pieces([AIMessageChunk(content="It "), 0.2, AIMessageChunk(content="is.")])
    task = asyncio.ensure_future(speak(model, [HumanMessage("x")], Request(tools=[add], answer_only=True), heard.append, bound={}))
    await asyncio.sleep(0.1)
    assert heard == ["It "]
    await task


async def test_time_is_up_keeps_the_text_and_drops_calls() -> None:
    until = asyncio.get_running_loop().time() + 0.2
    spoken, _ = await said([AIMessageChunk(content="So far"), call("add", "{}"), 60.0], until=until)
    assert (spoken.cut, spoken.message.content, spoken.message.tool_calls) == ("max_seconds", "So far", [])


async def test_a_limit_cuts_a_model_that_does_not_keep_it() -> None:
    spoken, _ = await said([AIMessageChunk(content="a ")] * 100, limit=5)
    assert (spoken.cut, spoken.message.content) == ("max_tokens", "a " * 6)


async def test_a_cut_message_keeps_calls_that_are_whole() -> None:
    cut = AIMessageChunk(content="", response_metadata={"finish_reason": "length"})
    spoken, _ = await said([call("add", "{}"), call("add", '{"a": 1', index=1, id_="b"), cut])
    assert (spoken.cut, len(spoken.message.tool_calls), spoken.message.invalid_tool_calls) == ("max_tokens", 1, [])


async def test_a_time_out_of_the_models_own_is_a_model_error() -> None:
    model = ScriptedModel([TimeoutError("read timed out")])
    with pytest.raises(ModelError, match="the model timed out: read timed out"):
        await speak(model, [HumanMessage("x")], Request(tools=[]), print, bound={})


async def test_a_model_that_cannot_stream_is_asked_whole() -> None:
    heard: list[str] = []
    spoken = await speak(FakeListChatModel(responses=["hey"]), [HumanMessage("x")], Request(tools=[]), heard.append, bound={})
    assert (spoken.message.content, "".join(heard)) == ("hey", "hey")


class Picky(ScriptedModel):
    """Knows no tool choice."""

    supports_withholding: bool = False

    def __init__(self, outputs: Any = (), **fields: Any) -> None:
        super().__init__(outputs, **fields)

    def bind_tools(self, tools: Any, **options: Any) -> Any:
        if "tool_choice" in options:
            raise ValueError("no such choice")
        return super().bind_tools(tools, **options)


async def test_an_integration_without_tool_choice_is_asked_without_it() -> None:
    model = Picky(["answer"])
    await speak(model, [HumanMessage("x")], Request(tools=[add], answer_only=True), print, bound={})
    assert (model.requests[0].tools, model.requests[0].tool_choice) == (["add"], None)


def test_settling_gives_every_call_an_id_of_its_own() -> None:
    calls: list[Any] = [{"name": "add", "args": {}, "id": id_, "type": "tool_call"} for id_ in ("a", "a", None, "b")]
    message = settle(AIMessage("", tool_calls=calls), turn=2, step=3, taken={"b"})
    ids = [item["id"] for item in message.tool_calls]
    assert message.id == "2.3"
    assert ids == ["a", call_id(2, 3, 1), call_id(2, 3, 2), call_id(2, 3, 3)]
    assert all(len(id_ or "") == 9 and (id_ or "").isalnum() for id_ in ids[1:])
