"""The chat model: streams, stop texts, choices of tools, cancelling and deadlines, and what comes of any limit."""

import asyncio
import codecs
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage, AIMessageChunk

from agentkit.errors import ModelFileError, UsageError
from agentkit.models.chat_llama_cpp import ChatLlamaCpp
from agentkit.models.context import Context
from tests.models.tiny_models import write_model

TOOLS: list[Any] = [
    {
        "type": "function",
        "function": {
            "name": name,
            "description": "",
            "parameters": {"type": "object", "properties": {"word": {"type": "string", "maxLength": 12}}, "required": ["word"]},
        },
    }
    for name in ("look", "book")
]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("models") / "tiny.gguf")


@pytest.fixture(scope="module")
def tiny(path: Path) -> Iterator[ChatLlamaCpp]:
    """A random model: it babbles until it is stopped."""
    yield ChatLlamaCpp(model_path=path, n_ctx=1024, n_threads=1, max_tokens=60)


def varied(tiny: ChatLlamaCpp, **changes: Any) -> ChatLlamaCpp:
    return tiny.model_copy(update=changes)


def added(chunks: Sequence[Any]) -> AIMessageChunk:
    total = chunks[0]
    for chunk in chunks[1:]:
        total += chunk
    assert isinstance(total, AIMessageChunk)
    return total


def said(model: ChatLlamaCpp, message: AIMessage) -> str:
    """All that was generated, but for half a character at its end."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    return decoder.decode(model.weights.detokenize(message.response_metadata["token_ids"]))


# ---------------------------------------------------------------- streams


def test_text_comes_token_by_token_and_the_last_chunk_tells_what_it_cost(tiny: ChatLlamaCpp) -> None:
    heard: list[str] = []

    class Listener(BaseCallbackHandler):
        def on_llm_new_token(self, token: Any, **kwargs: Any) -> None:
            heard.append(token)

    chunks = list(tiny.stream("Hi.", config={"callbacks": [Listener()]}))
    total = added(chunks)
    assert len(chunks) > 20
    assert total.content == said(tiny, total) == "".join(heard)
    assert total.usage_metadata is not None and total.usage_metadata["output_tokens"] == len(total.response_metadata["token_ids"]) == 60
    assert total.response_metadata["finish_reason"] == "length"


async def test_an_awaited_stream_tells_the_same(tiny: ChatLlamaCpp) -> None:
    total = added([chunk async for chunk in tiny.astream("Hi.")])
    assert total.content == said(tiny, total)


@pytest.mark.parametrize("choice", ["any", "book"])
async def test_calls_are_streamed_as_they_are_written(tiny: ChatLlamaCpp, choice: str) -> None:
    bound = varied(tiny, max_tokens=120).bind_tools(TOOLS, tool_choice=choice)
    streams: list[list[Any]] = [list(bound.stream("Hi.")), [chunk async for chunk in bound.astream("Hi.")]]
    for chunks in streams:
        total = added(chunks)
        assert total.tool_calls and total.content == "" and not total.invalid_tool_calls
        assert all(set(call["args"]) == {"word"} and call["name"] in ("look", "book") for call in total.tool_calls)
        assert choice == "any" or {call["name"] for call in total.tool_calls} == {choice}
        assert sum(bool(chunk.tool_call_chunks) for chunk in chunks) > len(total.tool_calls) + 3


def test_a_stream_that_is_left_stops_the_decoding(tiny: ChatLlamaCpp, monkeypatch: pytest.MonkeyPatch) -> None:
    _slow_down(monkeypatch)
    before = tiny.context.decoded
    stream = varied(tiny, max_tokens=900).stream("Hello there.")
    next(stream)
    stream.close()  # type: ignore[attr-defined]
    assert _settled(tiny.context) - before < 300


# ---------------------------------------------------------------- stop texts


@pytest.mark.parametrize("size", [1, 2, 5, 9])
def test_a_stop_text_over_several_tokens_ends_the_answer_and_is_never_told_in_part(tiny: ChatLlamaCpp, size: int) -> None:
    stop = str(tiny.invoke("Hi.").content)[30 : 30 + size]
    chunks = list(tiny.stream("Hi.", stop=[stop]))
    total = added(chunks)
    whole = said(tiny, total)
    assert stop in whole and len(whole) < 60 + 8
    assert total.content == whole.partition(stop)[0]
    assert total.response_metadata["finish_reason"] == "stop"
    assert total.response_metadata["text_hash"] == ""  # the ids say more than the message does


def test_stop_texts_are_a_setting_too(tiny: ChatLlamaCpp) -> None:
    stop = str(tiny.invoke("Hi.").content)[20:23]
    message = varied(tiny, stop=[stop, "never said"]).invoke("Hi.")
    assert message.content == said(tiny, message).partition(stop)[0] != said(tiny, message)


# ---------------------------------------------------------------- choices


@pytest.mark.parametrize("choice", ["none", "auto", "any", "required", True, "look", {"type": "function", "function": {"name": "look"}}])
def test_a_choice_is_kept_to(tiny: ChatLlamaCpp, choice: Any) -> None:
    message = varied(tiny, max_tokens=120).bind_tools(TOOLS, tool_choice=choice).invoke("Hi.")
    names = {call["name"] for call in message.tool_calls}
    assert bool(names) != bool(message.content)
    if choice == "none":
        assert not names
    elif choice != "auto":
        assert names
        assert names <= {"look", "book"} if choice in ("any", "required", True) else names == {"look"}
        assert "reasoning_content" not in message.additional_kwargs


def test_withheld_tools_stay_in_the_prompt_and_cannot_be_called(tiny: ChatLlamaCpp) -> None:
    model = varied(tiny, max_tokens=120)
    message = model.bind_tools(TOOLS, tool_choice="any", withheld=("look",)).invoke("Hi.")
    assert {call["name"] for call in message.tool_calls} == {"book"}
    assert "look" in model.prompt_text([AIMessage("Hi.")], TOOLS)
    assert model.bind_tools(TOOLS, withheld=("look", "book")).invoke("Hi.").tool_calls == []


def test_one_call_where_parallel_ones_are_off(tiny: ChatLlamaCpp) -> None:
    bound = varied(tiny, max_tokens=300).bind_tools(TOOLS, tool_choice="any", parallel_tool_calls=False)
    assert len(bound.invoke("Hi.").tool_calls) == 1


@pytest.mark.parametrize("choice", ["nobody", {"function": {"name": "nobody"}}])
def test_an_unknown_choice_is_refused(tiny: ChatLlamaCpp, choice: Any) -> None:
    with pytest.raises(UsageError, match=r"tool_choice is 'nobody': allowed are 'auto', 'any', 'none' and the names \['look', 'book'\]"):
        tiny.bind_tools(TOOLS, tool_choice=choice)
    with pytest.raises(UsageError, match="two tools are named 'look'"):
        tiny.bind_tools([TOOLS[0], TOOLS[0]])


# ---------------------------------------------------------------- cancelling


def _slow_down(monkeypatch: pytest.MonkeyPatch) -> None:
    decode = Context.decode

    def slowly(self: Context, *args: Any) -> Any:
        time.sleep(0.01)
        return decode(self, *args)

    monkeypatch.setattr(Context, "decode", slowly)


def _settled(context: Context) -> int:
    """Tokens decoded, once nothing decodes any more."""
    before = -1
    while before != context.decoded:
        before = context.decoded
        time.sleep(0.3)
    return before


@pytest.mark.parametrize("way", ["cancel", "deadline", "stream"])
def test_a_run_that_is_cut_off_stops_at_the_next_token_and_the_context_goes_on(
    tiny: ChatLlamaCpp, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny.invoke("What now?")
    _slow_down(monkeypatch)
    before, long = tiny.context.decoded, varied(tiny, max_tokens=900)

    async def cut_off() -> None:
        if way == "deadline":
            async with asyncio.timeout(0.5):
                await long.ainvoke("What now?")
        elif way == "cancel":
            task = asyncio.ensure_future(long.ainvoke("What now?"))
            await asyncio.sleep(0.5)
            task.cancel()
            await task
        else:
            async with asyncio.timeout(0.5):
                assert len([chunk async for chunk in long.astream("What now?")]) > 0

    with pytest.raises(TimeoutError if way != "cancel" else asyncio.CancelledError):
        asyncio.run(cut_off())
    assert _settled(tiny.context) - before < 300
    message = tiny.invoke("What now?")
    assert message.content == said(tiny, message) and message.usage_metadata is not None
    assert message.usage_metadata["output_tokens"] == 60
    assert message.usage_metadata["input_token_details"]["cache_read"] == message.usage_metadata["input_tokens"] - 1


def test_models_with_the_same_settings_share_a_context_and_it_is_freed_with_them(path: Path) -> None:
    one, two = (ChatLlamaCpp(model_path=path, n_ctx=128, n_threads=1, max_tokens=limit) for limit in (2, 3))
    other = ChatLlamaCpp(model_path=path, n_ctx=256, n_threads=1)
    assert one.context is two.context and one.context is not other.context
    context = one.context
    del one, two
    assert context._ctx is None


def test_an_adapter_that_is_not_there_is_told(path: Path) -> None:
    model = ChatLlamaCpp(model_path=path, adapter=Path("absent.gguf"))
    with pytest.raises(ModelFileError, match=r"there is no adapter file 'absent\.gguf': give the path of a GGUF LoRA"):
        model.invoke("Hi.")


# ---------------------------------------------------------------- any limit, the real model


@pytest.fixture(scope="module")
def embedded() -> ChatLlamaCpp:
    """The embedded model, its adapter merged."""
    from agentkit.models import load_model

    model = load_model("embedded", n_ctx=2048, n_threads=1)
    assert isinstance(model, ChatLlamaCpp)
    return model


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("first", range(1, 201, 20))
def test_at_any_limit_the_embedded_model_gives_a_valid_call_or_a_text(embedded: ChatLlamaCpp, first: int, record_property: Any) -> None:
    from agentkit.tools import registry

    model = embedded
    tools = [registry.get(name) for name in ("calculator", "python")]
    schemas = {"calculator": {"expression"}, "python": {"code"}}
    costs = model.call_costs(tools)
    completed = []
    choices = ("auto", "calculator", "python")
    for limit in range(first, first + 20):
        for choice in choices if limit <= 40 else (choices[limit % 3],):  # what a limit changes happens at low ones
            message = model.bind_tools(tools, tool_choice=choice, max_tokens=limit).invoke("How much is 17 * 23 + 4?")
            called = [(call["name"], set(call["args"])) for call in message.tool_calls]
            assert all(args == schemas[name] for name, args in called)
            assert not message.invalid_tool_calls and len(message.response_metadata["token_ids"]) <= limit
            assert not (called and message.content)
            if choice != "auto" and limit >= costs[choice] + 8:
                assert [name for name, _ in called][:1] == [choice], f"no call of {choice} at {limit} tokens, it costs {costs[choice]}"
            completed.append(bool(called))
    share = sum(completed) / len(completed)
    record_property("share_of_calls_completed", share)
    print(f"limits {first} to {first + 19}: {share:.0%} completed calls; a call costs {costs}")
