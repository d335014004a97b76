"""The state, and that a strict checkpoint gives back what it was given."""

import logging
from typing import Any, get_type_hints

import pytest
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, SystemMessage, ToolMessage

from agentkit.state import State, Turn, current_turn, merge_results, new_turn, questions_in, steps_of, text_of, thought_of, to_answer
from agentkit.threads import serializer

CALL = {"name": "add", "args": {"a": [1, None, {"b": 2.5}]}, "id": "abc", "type": "tool_call"}
PASSAGE = {"n": 1, "source": "a.md", "location": "A", "text": "blue"}
FULL = State(
    messages=[
        SystemMessage("s", id="0"),
        HumanMessage("q", id="1.0"),
        AIMessage("", tool_calls=[CALL], id="1.1", response_metadata={"token_ids": [1, 2]}, additional_kwargs={"reasoning_content": "hm"}),
        ToolMessage("r", tool_call_id="abc", name="add", status="error", artifact={"passages": [PASSAGE]}, id="1.1.0"),
    ],
    evidence=[{**PASSAGE, "call": "abc", "trust": "web"}],  # type: ignore[typeddict-item]
    contract=1,
    left_out={"pairs": 1, "turns": 0},
    results={"abc": {"status": "success", "text": "r", "passages": [{"source": "a", "location": "b", "text": "c"}], "ran": True}},
    turn=Turn(
        number=1, step=1, started=1.5, offered=["add"], withheld=[], strikes=1,
        calls_seen=[{"key": "add {}", "tool": "add", "status": "success", "digest": "x", "ran": True}],
        draft=AIMessage("a", usage_metadata={"input_tokens": 1, "output_tokens": 2, "total_tokens": 3}),
        text="a", citations=[{"n": 1, "source": "a.md", "location": "A", "quote": "blue"}],
        critiques=[{"principle": "p", "finding": "f", "revised": False}],
        usage={"input_tokens": 1, "output_tokens": 2, "cached_tokens": 0, "seconds": 0.5, "compactions": 0}, stop_reason="answered",
    ),
)  # fmt: skip


def test_every_channel_and_part_of_a_turn_is_tried() -> None:
    assert set(FULL) == set(get_type_hints(State))
    assert set(FULL["turn"]) == set(get_type_hints(Turn)) == set(new_turn(1, started=0, offered=[]))


@pytest.mark.parametrize("channel", sorted(FULL))
def test_every_state_type_comes_back_from_a_strict_checkpoint(channel: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    value: Any = FULL[channel]  # type: ignore[literal-required]
    back = serializer().loads_typed(serializer().dumps_typed(value))
    assert back == value
    assert type(back) is type(value)
    if channel == "messages":
        assert [type(message) for message in back] == [SystemMessage, HumanMessage, AIMessage, ToolMessage]
    assert caplog.records == []


class Foreign:
    """Nothing that a checkpoint should make."""

    made = 0

    def __init__(self) -> None:
        Foreign.made += 1


def test_a_checkpoint_makes_no_other_class() -> None:
    from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
    from pydantic import BaseModel

    class Model(BaseModel):
        a: int = 1

    crafted = JsonPlusSerializer(allowed_msgpack_modules=True).dumps_typed({"x": Model()})
    assert not isinstance(serializer().loads_typed(crafted)["x"], Model)


def test_results_add_up_until_they_are_cleared() -> None:
    one: Any = {"a": {"status": "success", "text": "", "ran": True}}
    assert merge_results(None, one) == one
    assert merge_results(one, {"b": one["a"]}) == {"a": one["a"], "b": one["a"]}
    assert merge_results(one, None) == {}


def test_a_turn_begins_with_the_last_question() -> None:
    thread: list[AnyMessage] = [HumanMessage("1"), AIMessage("a"), HumanMessage("2"), AIMessage("b")]
    assert current_turn(thread) == thread[2:]
    assert current_turn([AIMessage("a")]) == [AIMessage("a")]
    assert questions_in(thread) == 2


def test_text_and_thought_of_messages() -> None:
    assert text_of(AIMessage([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}])) == "ab"
    assert thought_of(AIMessage("beside", tool_calls=[CALL], additional_kwargs={"reasoning_content": "first"})) == "first\nbeside"
    assert thought_of(AIMessage("an answer")) == ""


def test_steps_are_numbered_by_their_messages() -> None:
    messages: list[AnyMessage] = [HumanMessage("q"), AIMessage("", tool_calls=[CALL], id="3.4"), ToolMessage("r", tool_call_id="abc")]
    assert steps_of(messages) == [{"step": 4, "thought": "", "tool": "add", "args": CALL["args"], "observation": "r"}]
    assert steps_of(messages[:2]) == []
    foreign: list[AnyMessage] = [HumanMessage("q"), AIMessage("", tool_calls=[CALL], id="lc-run"), ToolMessage("r", tool_call_id="abc")]
    assert steps_of(foreign)[0]["step"] == 1


def test_an_answer_is_made_of_a_thread_and_a_turn() -> None:
    answer = to_answer(FULL["messages"], FULL["turn"])
    assert (answer.text, answer.stop_reason, answer.citations[0]["quote"]) == ("a", "answered", "blue")
    draft_only = to_answer([], Turn(draft=AIMessage('So [1: "x"].')), stop_reason="cancelled")
    assert (draft_only.text, draft_only.stop_reason) == ("So [1].", "cancelled")
    assert to_answer([], Turn()).text == ""
