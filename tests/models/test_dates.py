"""The date that a chat template prints is the day on which the thread began: for all its turns, and in a replay."""

import datetime
import json
from pathlib import Path

import pytest
from langchain_core.messages import AIMessage, AnyMessage, BaseMessage, HumanMessage

from agentkit import Agent
from agentkit.graphs.prompt import build_prompt
from agentkit.models.chat_llama_cpp import ChatLlamaCpp
from agentkit.models.template import FALLBACK, ChatTemplate
from agentkit.replaying import replay
from agentkit.state import thread_start
from agentkit.testing import ScriptedModel
from tests.models.test_native import HERMES
from tests.models.tiny_models import write_model

DATED = "{{ strftime_now('%d %b %Y') }}\n"
LONG_AGO = "2019-12-31T23:59:58+01:00"


def asked(text: str, start: str | None = None) -> HumanMessage:
    return HumanMessage(text, additional_kwargs={"thread_start": start} if start else {})


@pytest.fixture(params=[FALLBACK, HERMES], ids=["plain", "native"])
def dated(request: pytest.FixtureRequest, tmp_path: Path) -> ChatLlamaCpp:
    """A model whose template prints a date."""
    return ChatLlamaCpp(model_path=write_model(tmp_path / "tiny.gguf", template=DATED + request.param), n_ctx=512, n_threads=1)


def test_a_conversation_that_says_when_it_began_is_dated_so(dated: ChatLlamaCpp) -> None:
    messages: list[BaseMessage] = [asked("Hi.", LONG_AGO)]
    first = dated.prompt_text(messages)
    assert first.startswith("31 Dec 2019")
    assert dated.prompt_text([*messages, AIMessage("Hello."), asked("And now?")]).startswith(first + "Hello.")


class _Tomorrow(datetime.date):
    @classmethod
    def today(cls) -> "_Tomorrow":
        return cls(2031, 2, 3)


def test_one_that_does_not_is_dated_by_the_day(dated: ChatLlamaCpp, monkeypatch: pytest.MonkeyPatch) -> None:
    assert dated.prompt_text([asked("Hi.")]).startswith(f"{datetime.date.today():%d %b %Y}")
    monkeypatch.setattr(datetime, "date", _Tomorrow)
    assert dated.prompt_text([asked("Hi.")]).startswith("03 Feb 2031")
    assert dated.prompt_text([asked("Hi.", LONG_AGO)]).startswith("31 Dec 2019")


def test_the_time_is_that_of_the_clock_on_the_wall() -> None:
    template = ChatTemplate("{{ strftime_now('%Y-%m-%d %H:%M') }}")
    assert template.render([], start=LONG_AGO) == "2019-12-31 23:59"


def test_the_start_stays_when_the_first_question_is_left_out() -> None:
    thread: list[AnyMessage] = [asked("One?", LONG_AGO), AIMessage("1"), asked("Two?"), AIMessage("2"), asked("Three?")]
    prompt = build_prompt(thread, instructions="", left_out={"pairs": 0, "turns": 2})
    assert [message.content for message in prompt[1:]] == ["Three?"]
    assert thread_start(prompt) == LONG_AGO


def test_all_turns_of_a_thread_and_a_replay_have_its_first_date(home: Path, tmp_path: Path) -> None:
    model = ScriptedModel(["One.", "Two.", "Three."])
    agent = Agent(model, tools=[])
    agent.ask("First?", thread="kept", record=tmp_path / "first.jsonl")
    agent.ask("Second?", thread="kept", record=tmp_path / "second.jsonl")
    agent.ask("Another?")
    starts = [thread_start(request.messages) for request in model.requests]
    assert starts[0] == starts[1] != starts[2]
    assert starts[0] and abs(datetime.datetime.now().astimezone() - datetime.datetime.fromisoformat(starts[0])).total_seconds() < 600
    for name in ("first", "second"):
        record = tmp_path / f"{name}.jsonl"
        assert json.loads(record.read_text().splitlines()[0])["thread_start"] == starts[0]
        assert replay(record).stop_reason == "answered"


def test_a_record_from_before_starts_were_written_is_replayed(tmp_path: Path) -> None:
    record = tmp_path / "run.jsonl"
    Agent(ScriptedModel(["One."]), tools=[]).ask("First?", record=record)
    lines = [json.loads(line) for line in record.read_text().splitlines()]
    del lines[0]["thread_start"]
    record.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert replay(record).text == "One."
