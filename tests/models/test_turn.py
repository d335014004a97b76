"""From the bytes of a turn to a message: stop texts, citations, calls, usage."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessageChunk, HumanMessage, ToolMessage

from agentkit.models.decoding import Generated
from agentkit.models.dialect import text_hash
from agentkit.models.steps import parse_step
from agentkit.models.turn import Writer, call_ids, finish, inside_citation, shown_passages, usage


def written(pieces: Sequence[bytes], *, stop: Sequence[str] = (), steps: bool = True, reason: str = "stop") -> tuple[Any, AIMessageChunk]:
    """The message of a turn, and what its stream adds up to."""
    chunks: list[AIMessageChunk] = []
    writer = Writer(parse=parse_step if steps else None, stop=stop, emit=chunks.append, call_id=call_ids([1, 2, 3]))
    for piece in pieces:
        if writer.feed(piece):
            break
    message = finish(writer, Generated(tokens=[7, 8], finish_reason=reason), fingerprint="f", model_name="m")
    total = AIMessageChunk(content="")
    for chunk in chunks:
        total += chunk
    return message, total


def split(text: str, sizes: Sequence[int]) -> list[bytes]:
    data, pieces = text.encode(), []
    for size in sizes:
        pieces.append(data[:size])
        data = data[size:]
    return [*pieces, data]


sizes = st.lists(st.integers(1, 4), max_size=40)


@given(sizes=sizes, stop=st.sampled_from([[], ["END"], ["N\n", "D"], ["xyz"], [""]]))
def test_a_stream_adds_up_to_the_message(sizes: list[int], stop: list[str]) -> None:
    text = 'Thought: wait\nAnswer: It costs 7.50 € [1: "a [b] c"] and [2]. THE END\nof it 水'
    message, total = written(split(text, sizes), stop=stop)
    assert total.content == message.content
    assert total.additional_kwargs == message.additional_kwargs == {"reasoning_content": "wait"}


@given(sizes=sizes)
def test_a_stream_of_calls_adds_up_to_the_message(sizes: list[int]) -> None:
    text = 'Thought: wait\nCall: look {"word": "é水", "n": [1, 2]}\nCall: bin {}'
    message, total = written(split(text, sizes))
    assert [(c["name"], c["args"], c["id"]) for c in total.tool_calls] == [(c["name"], c["args"], c["id"]) for c in message.tool_calls]
    assert [c["name"] for c in message.tool_calls] == ["look", "bin"]


@given(sizes=sizes, stop=st.sampled_from(["STOP", "P", "OP STO", "é", " "]))
def test_a_stop_text_ends_the_answer_also_across_pieces(sizes: list[int], stop: str) -> None:
    text = "before STOP STOP é after"
    message, total = written(split(text, sizes), stop=[stop], steps=False)
    assert message.content == total.content == text.partition(stop)[0]


def test_the_stop_text_that_comes_first_counts() -> None:
    message, _ = written([b"one two three"], stop=["three", "two"], steps=False)
    assert message.content == "one "


def test_stop_texts_do_not_touch_arguments() -> None:
    message, _ = written([b'Call: look {"word": "a STOP b"}'], stop=["STOP"])
    assert message.tool_calls[0]["args"] == {"word": "a STOP b"}


@pytest.mark.parametrize("tail", [" [", " [1", "[12: ", ' [1: "so', ' [1: "a [b', ' [1: "a\\', "\n[3:"])
def test_a_citation_that_the_limit_cut_is_dropped_from_message_and_stream(tail: str) -> None:
    message, total = written([b"Answer: It is so", tail.encode()], reason="length")
    assert message.content == total.content == "It is so"
    assert message.response_metadata["text_hash"] == ""


@pytest.mark.parametrize("tail", [" [", " [1", "[12: ", " [1: x]", ' [1: "so"]'])
def test_brackets_at_the_end_of_a_whole_answer_stay(tail: str) -> None:
    message, total = written([b"Answer: It is so", tail.encode()])
    assert message.content == total.content == f"It is so{tail}"
    assert message.response_metadata["text_hash"] == text_hash(message)


def test_a_citation_that_a_stop_text_cut_is_dropped() -> None:
    message, total = written([b'Answer: It is [1: "so STOP on"]'], stop=["STOP"])
    assert message.content == total.content == "It is"


def test_ids_stand_for_a_message_only_if_it_says_all_that_they_say() -> None:
    whole, _ = written([b"Answer: yes"])
    stopped, _ = written([b"Answer: yes and no"], stop=[" and"])
    cut, _ = written([b'Call: look {"a": 1}\nCall: look {"a'], reason="length")
    assert whole.response_metadata["text_hash"] == text_hash(whole)
    assert stopped.response_metadata["text_hash"] == cut.response_metadata["text_hash"] == ""
    assert all(message.response_metadata["token_ids"] == [7, 8] for message in (whole, stopped, cut))


def test_a_cut_call_is_not_in_the_message() -> None:
    message, _ = written([b'Call: look {"word": "abc'], reason="length")
    assert (message.tool_calls, message.content) == ([], "")
    assert message.response_metadata["finish_reason"] == "length"


def test_half_a_character_at_the_end_is_dropped() -> None:
    message, total = written([b"Answer: caf", "é".encode()[:1]], reason="length")
    assert message.content == total.content == "caf"


def test_characters_that_come_in_halves_are_joined() -> None:
    message, total = written([b"Answer: ", *(bytes([byte]) for byte in "é水🙂".encode())])
    assert message.content == total.content == "é水🙂"


@pytest.mark.parametrize(
    ("text", "inside"),
    [('a [1: "b', True), ('a [1: "b"', False), ('a [1: "b\\"', True), ("a [1", False), ('a "b', False), ('a [1: "b"] [2: "c\\\\', True)],
)
def test_inside_citation(text: str, inside: bool) -> None:
    assert inside_citation(text) is inside


def test_passages_of_all_observations_may_be_cited() -> None:
    first = ToolMessage("", tool_call_id="1", artifact={"passages": [{"n": 1, "source": "a", "location": "", "text": "one"}]})
    second = ToolMessage("", tool_call_id="2", artifact={"passages": [{"n": 4, "source": "b", "location": "", "text": "four"}]})
    others = [HumanMessage("hi"), ToolMessage("", tool_call_id="3"), ToolMessage("", tool_call_id="4", artifact=[1, 2])]
    assert shown_passages([first, *others, second]) == {1: "one", 4: "four"}


def test_call_ids_differ_with_prompt_and_place_and_repeat() -> None:
    ids = [call_ids(prompt)(index) for prompt in ([1], [2]) for index in (0, 1)]
    assert len(set(ids)) == 4
    assert all(len(name) == 9 and name.isalnum() for name in ids)
    assert call_ids([1])(0) == ids[0]


def test_usage_counts_what_was_not_read_again() -> None:
    counted = usage(Generated(tokens=[1, 2, 3], prompt_tokens=10, cached_tokens=8))
    assert counted == {"input_tokens": 10, "output_tokens": 3, "total_tokens": 13, "input_token_details": {"cache_read": 8}}
