"""A run that waited for approval goes on with the schema and the record that it was asked with."""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from agentkit import Agent, replay, tool
from agentkit.errors import RecordError
from agentkit.record import canonical, load_record
from agentkit.testing import ScriptedModel


class Letter(BaseModel):
    """A letter."""

    to: str


@tool(approval="ask")
def send(to: str) -> str:
    """Send a letter."""
    return f"sent to {to}"


@tool
def look(place: str) -> str:
    """Look somewhere."""
    return f"nothing in {place}"


SEND = {"name": "send", "args": {"to": "Ann"}}
LOOK = {"name": "look", "args": {"place": "the barn"}}


def agent(*outputs: Any) -> Agent:
    return Agent(ScriptedModel(list(outputs)), tools=[send, look])


def assert_replays_equal(path: Path, answer: Any) -> None:
    again = path.with_suffix(".again")
    assert replay(path, record=again).to_dict() == json.loads(json.dumps(answer.to_dict()))
    assert canonical(load_record(again).events) == canonical(load_record(path).events)


@pytest.mark.parametrize("thread", [None, "t"])
@pytest.mark.parametrize("rest", [["Done."], [LOOK, "Done."]])
def test_the_record_is_continued_and_replays(home: Path, tmp_path: Path, thread: str | None, rest: list[Any]) -> None:
    path = tmp_path / "run.jsonl"
    asked = agent([LOOK, SEND], *rest)
    waiting = asked.ask("Write.", thread=thread, record=path)
    assert waiting.stop_reason == "needs_approval"
    answer = asked.resume(waiting.pending[0]["thread"], True)
    events = load_record(path).events
    assert [event["event"] for event in events].count("asked") == 1
    assert [event["answer"]["stop_reason"] for event in events if event["event"] == "answer"] == ["needs_approval", "answered"]
    assert [event["same"] for event in events if event["event"] == "prompt"][1] == 2, "only what is new in the prompt"
    assert_replays_equal(path, answer)


def test_a_denied_call_and_a_second_pause_replay(home: Path, tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    asked = agent(SEND, {"name": "send", "args": {"to": "Bob"}}, "Done.")
    asked.ask("Write.", thread="t", record=path)
    second = asked.resume("t", {"deny": "not her"})
    assert second.stop_reason == "needs_approval"
    answer = asked.resume("t", True)
    assert [step["observation"] for step in answer.steps] == [
        "Error of send:\nThe user did not allow this call: not her.",
        "Result of send:\nsent to Bob",
    ]
    assert_replays_equal(path, answer)


def test_a_later_turn_of_a_thread_goes_on_under_its_number(home: Path, tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    asked = agent("Hello.", SEND, "Done.")
    asked.ask("Hi?", thread="t", record=path)
    asked.ask("Write.", thread="t", record=path)
    answer = asked.resume("t", True)
    assert load_record(path).turns == [1, 2]
    assert_replays_equal(path, answer)


def test_the_typed_answer_is_an_object_of_the_class_that_was_asked_with(home: Path) -> None:
    asked = agent(SEND, "Done.", '{"to": "Ann"}')
    asked.ask("Write.", thread="t", schema=Letter)
    assert asked.resume("t", True).value == Letter(to="Ann")


def test_another_agent_takes_over_schema_and_record(home: Path, tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    agent(SEND).ask("Write.", thread="t", schema=Letter, record=path)
    answer = agent("Done.", '{"to": "Ann"}').resume("t", True)
    assert answer.value == {"to": "Ann"}
    assert_replays_equal(path, answer)


async def test_both_may_be_given_and_aresume_is_the_twin(home: Path, tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    await agent(SEND).aask("Write.", thread="t", schema=Letter, record=path)
    path.rename(tmp_path / "moved.jsonl")
    answer = await agent("Done.", '{"to": "Ann"}').aresume("t", True, schema=Letter, record=tmp_path / "moved.jsonl")
    assert answer.value == Letter(to="Ann")
    assert replay(tmp_path / "moved.jsonl", schema=Letter).value == Letter(to="Ann")


def test_a_record_that_is_gone_is_not_begun_in_the_middle(home: Path, tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    agent(SEND).ask("Write.", thread="t", record=path)
    path.unlink()
    agent("Hi.").ask("Hi?", thread="u", record=tmp_path / "other.jsonl")
    before = (tmp_path / "other.jsonl").read_text(encoding="utf-8")
    with pytest.raises(RecordError, match="can't be read"):
        agent("Done.").resume("t", True, record=path)
    assert agent("Done.").resume("t", True).text == "Done."
    assert not path.exists()
    assert (tmp_path / "other.jsonl").read_text(encoding="utf-8") == before


def test_a_record_of_another_question_is_refused(home: Path, tmp_path: Path) -> None:
    agent("Hi.", SEND).ask("Hi?", thread="t")
    asked = agent(SEND)
    asked.ask("Write.", thread="t")
    agent("Hi.").ask("Hi?", record=tmp_path / "other.jsonl")
    with pytest.raises(RecordError, match="doesn't hold the question that goes on"):
        asked.resume("t", True, record=tmp_path / "other.jsonl")
