"""Steps of the plain dialect, read and written."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentkit.models.steps import StepReader, parse_step, read_arguments, write_step

json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(), inner, max_size=3)),
    max_leaves=5,
)
calls = st.lists(
    st.tuples(st.from_regex(r"[a-z_.-]{1,12}", fullmatch=True), st.dictionaries(st.text(), json_values, max_size=3)), max_size=4
)
thoughts = st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp")), max_size=40)


@given(thought=thoughts, made=calls)
def test_calls_survive_writing_and_reading(thought: str, made: list[tuple[str, Any]]) -> None:
    step = parse_step(write_step(thought, None if made else "", made))
    assert [(call.name, json.loads(call.args)) for call in step.calls] == made
    assert all(call.complete for call in step.calls)
    assert step.thought == " ".join(thought.split())


@given(thought=thoughts, answer=st.text())
def test_answers_survive_writing_and_reading(thought: str, answer: str) -> None:
    step = parse_step(write_step(thought, answer, []))
    assert (step.answer, step.calls) == (answer, ())


@given(text=st.one_of(st.text(), st.builds(write_step, thoughts, st.text(), calls)), data=st.data())
def test_reading_piece_by_piece_gives_what_reading_at_once_gives(text: str, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6)))
    reader = StepReader()
    told: dict[tuple[str, int], str] = {}
    for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True):
        for part, new, index in reader.feed(text[start:end]):
            told[part, index] = told.get((part, index), "") + new
    step = parse_step(text)
    assert told.get(("answer", 0), "") == (step.answer or "")
    assert told.get(("thought", 0), "") == step.thought
    for index, call in enumerate(step.calls):
        assert told.get(("args", index), "") == call.args


@pytest.mark.parametrize(
    ("text", "name", "complete"),
    [
        ('Call: look {"a": 1}', "look", True),
        ('Call: look {"a": ', "look", False),
        ("Call: look", "look", False),
        ("Call: ", "", False),
        ("Call: look [1]", "look", False),
    ],
)
def test_a_call_is_complete_when_its_arguments_are_an_object(text: str, name: str, complete: bool) -> None:
    (call,) = parse_step(text).calls
    assert (call.name, call.complete) == (name, complete)


def test_a_cut_beginning_holds_nothing_yet() -> None:
    for text in ("", "A", "Answer", "Thought: I", "Thought: I\nCal"):
        step = parse_step(text)
        assert (step.answer, step.calls) == (None, ())


@pytest.mark.parametrize(("text", "value"), [("1e999", 1.7976931348623157e308), ("-1e999", -1.7976931348623157e308), ("0.5", 0.5)])
def test_numbers_of_arguments_are_finite(text: str, value: float) -> None:
    args = read_arguments(f'{{"x": {text}}}')
    assert args == {"x": value} and math.isfinite(args["x"])


@pytest.mark.parametrize("text", ["", "[1]", "1", '{"a"', "{" * 100_000, "1" * 5000, '{"a": ' + "1" * 5000 + "}"])
def test_what_is_no_json_object_holds_no_arguments(text: str) -> None:
    assert read_arguments(text) is None
