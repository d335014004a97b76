"""Records and replays."""

import json
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage
from pydantic import BaseModel

from agentkit import Agent, Budget, Done, replay, tool
from agentkit.errors import DiskFullError, ModelError, RecordError, ReplayError
from agentkit.record import Recorder, canonical, load_record, timeless
from agentkit.redact import MASK, Redactor
from agentkit.replaying import replay_events
from agentkit.testing import ScriptedModel

SUM = {"name": "add", "args": {"a": 1, "b": 2}, "thought": "I add."}


@tool
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@tool(response_format="content_and_artifact", max_result_tokens=12)
def search(query: str) -> tuple[str, dict[str, Any]]:
    """Search."""
    texts = ("The house has 36 beds in all, and more in summer.", "A bed costs 24.00.")
    return "", {"passages": [{"source": "a.md", "location": "A", "text": text} for text in texts]}


def never(*args: Any) -> Any:
    raise AssertionError("a replay asks no model")


def recorded(path: Path, outputs: Any, *tools: Any, question: str = "Go.", thread: str | None = None, **options: Any) -> Any:
    return Agent(ScriptedModel(outputs), tools=list(tools), **options).ask(question, record=path, thread=thread)


def assert_replays_equal(path: Path) -> None:
    again = path.with_suffix(".again")
    replay(path, record=again)
    assert canonical(load_record(again).events) == canonical(load_record(path).events)


def test_the_events_of_a_record(tmp_path: Path) -> None:
    path = tmp_path / "new" / "run.jsonl"
    answer = recorded(path, [[SUM, {"name": "ad", "args": {}}], "It is 3."], add)
    events = load_record(path).events
    assert [(event["event"], event["step"], event.get("call")) for event in events] == [
        ("asked", 0, None), ("prompt", 1, None), ("message", 1, None),
        ("result", 1, 1), ("result", 1, 0), ("observation", 1, 0), ("observation", 1, 1),
        ("prompt", 2, None), ("message", 2, None), ("verdict", 2, None), ("answer", 2, None),
    ] or [event.get("call") for event in events[3:5]] == [0, 1]  # fmt: skip
    assert events[0]["question"] == "Go."
    assert events[0]["contract"] == 1
    assert events[0]["tools"][0]["name"] == "add"
    assert events[2]["message"]["data"]["id"] == "1.1"
    assert [message["role"] for message in events[-4]["messages"]] == ["ai", "tool", "tool"], "only what is new in the prompt"
    assert events[-1]["answer"] == json.loads(json.dumps(answer.to_dict()))


def test_a_prompt_can_be_read_whole(tmp_path: Path) -> None:
    recorded(tmp_path / "r", [SUM, "3"], add)
    prompts = load_record(tmp_path / "r").prompts(1)
    assert [[message["role"] for message in prompts[step]] for step in (1, 2)] == [["system", "human"], ["system", "human", "ai", "tool"]]


@pytest.mark.parametrize(
    ("outputs", "options"),
    [
        (["Hello."], {}),
        ([[SUM, {"name": "ad", "args": {}}, {"name": "add", "args": {"a": "x"}}], "It is 3, not 17."], {}),
        ([{"name": "search", "args": {"query": "beds"}}, 'There are 36 [1: "36 beds"] or 37 [2: "37"].'], {}),
        ([SUM, SUM, SUM, "3"], {}),
        ([SUM] * 5, {}),
        ([{"name": "add", "args": {"a": n, "b": 1}} for n in range(5)], {"budget": Budget(steps=3)}),
        (["", ""], {}),
        (["word " * 100], {"budget": Budget(tokens=20)}),
        ([SUM, "3"], {"instructions": "Be brief.", "critique": False, "budget": Budget(None, None, None)}),
        ([AIMessage("Let me.", tool_calls=[{"name": "add", "args": {"a": 1, "b": 2}, "id": "abc"}]), "3"], {}),
    ],
)
def test_a_replay_equals_its_record(tmp_path: Path, outputs: list[Any], options: dict[str, Any]) -> None:
    path = tmp_path / "run.jsonl"
    answer = recorded(path, outputs, add, search, **options)
    assert replay(path).to_dict() == json.loads(json.dumps(answer.to_dict()))
    assert_replays_equal(path)


def test_a_replay_runs_no_tool_and_asks_no_model(tmp_path: Path) -> None:
    runs = []

    @tool
    def once() -> str:
        """Count."""
        runs.append(1)
        return f"run {len(runs)}"

    path = tmp_path / "run.jsonl"
    recorded(path, [{"name": "once", "args": {}}, "Once."], once)
    agent = Agent(ScriptedModel(never), tools=[once])
    assert replay(path, agent=agent).text == "Once."
    assert runs == [1]


def test_a_replay_can_be_streamed(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    recorded(path, [SUM, "It is 3."], add)
    events = list(replay_events(path))
    assert [type(event).__name__ for event in events] == ["Thought", "Call", "Observation", "Token", "Done"]
    assert isinstance(events[-1], Done)


def test_a_changed_prompt_is_told_with_the_message_that_changed(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    recorded(path, [SUM, "3"], add, instructions="Be brief.")
    with pytest.raises(ReplayError) as raised:
        replay(path, agent=Agent(ScriptedModel(never), tools=[add], instructions="Be long."))
    assert "the prompt of turn 1, step 1 differs from the record in message 1 of 2 (system):" in str(raised.value)
    assert "-Instructions of the user: Be brief.\n+Instructions of the user: Be long." in str(raised.value)


def test_a_changed_rendering_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "run.jsonl"
    recorded(path, [SUM, "3"], add)
    monkeypatch.setattr("agentkit.contract.render_result", lambda name, text: f"{name} said {text}")
    with pytest.raises(ReplayError, match="the observation of turn 1, step 1, call 0 differs from the record"):
        replay(path)


def test_changed_tools_and_settings_are_told(tmp_path: Path) -> None:
    @tool("add")
    def other(a: int, b: int, c: int = 0) -> int:
        """Add up."""
        return a + b + c

    path = tmp_path / "run.jsonl"
    recorded(path, [SUM, "3"], add)
    for agent in (Agent(ScriptedModel(never), tools=[other]), Agent(ScriptedModel(never), tools=[add], budget=Budget(steps=2))):
        with pytest.raises(ReplayError, match="the asked of turn 1, step 0 differs from the record"):
            replay(path, agent=agent)


def test_another_contract_is_told(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    recorded(path, ["Hi."])
    path.write_text(path.read_text().replace('"contract": 1', '"contract": 99'))
    with pytest.raises(ReplayError, match="recorded under prompt contract 99, in force is 1"):
        replay(path)


def test_a_record_holds_the_turns_of_a_thread(tmp_path: Path, home: Path) -> None:
    path = tmp_path / "run.jsonl"
    outputs = [{"name": "search", "args": {"query": "beds"}}, '36 [1: "36 beds"].', '36, as I said [1: "36 beds"].']
    agent = Agent(ScriptedModel(outputs), tools=[search])
    agent.ask("How many?", thread="t", record=path)
    answer = agent.ask("Again?", thread="t", record=path)
    assert load_record(path).turns == [1, 2]
    assert replay(path).to_dict() == json.loads(json.dumps(answer.to_dict()))
    assert [event.answer.text for event in replay_events(path) if isinstance(event, Done)] == ["36 [1].", "36, as I said [1]."]
    assert_replays_equal(path)


def test_a_single_later_turn_replays_with_what_the_thread_held(tmp_path: Path, home: Path) -> None:
    agent = Agent(ScriptedModel(["Hello Bob.", "Bob."]), tools=[])
    agent.ask("I am Bob.", thread="t")
    agent.ask("Who am I?", thread="t", record=tmp_path / "run.jsonl")
    assert load_record(tmp_path / "run.jsonl").turns == [2]
    assert_replays_equal(tmp_path / "run.jsonl")


class Pump(BaseModel):
    """A pump."""

    name: str


def test_a_typed_answer_replays(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    agent = Agent(ScriptedModel(["P3.", '{"name": "P3"}']), tools=[])
    assert agent.ask("Which?", schema=Pump, record=path).value == Pump(name="P3")
    assert replay(path).value == {"name": "P3"}
    assert replay(path, schema=Pump).value == Pump(name="P3")
    assert_replays_equal(path)


# ---------------------------------------------------------------------- runs that were cut off


def test_a_failed_run_replays_to_its_error(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    with pytest.raises(ModelError):
        recorded(path, [SUM, ConnectionError("gone")], add)
    event = load_record(path).events[-1]
    assert (event["answer"]["stop_reason"], event["error"]["type"]) == ("error", "ModelError")
    with pytest.raises(ModelError, match="the model failed with ConnectionError: gone"):
        replay(path)


def test_a_run_that_was_killed_replays_as_far_as_it_went_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    recorded(path, [SUM, "3"], add)
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:6]) + lines[6][:30])
    with pytest.raises(ReplayError, match=r"the record ends before the message of turn 1, step 2.*killed there"):
        replay(path)


def test_a_run_that_waits_for_approval_replays_to_its_answer(tmp_path: Path) -> None:
    @tool(approval="ask")
    def send() -> str:
        """Send."""
        return "sent"

    path = tmp_path / "run.jsonl"
    answer = recorded(path, [{"name": "send", "args": {}}], send)
    assert replay(path).stop_reason == answer.stop_reason == "needs_approval"


# ---------------------------------------------------------------------- files


def test_what_is_no_record_is_refused(tmp_path: Path) -> None:
    for name, text, told in [
        ("text", "hello\nthere\n", "line 1 is no event of one, but 'hello'"),
        ("json", '{"event": "answer", "turn": 1, "step": 1}\n', "does not begin with a question"),
        ("empty", "", "does not begin with a question"),
    ]:
        (tmp_path / name).write_text(text)
        with pytest.raises(RecordError, match=told):
            replay(tmp_path / name)
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\x00")
    for name in ("missing", "bytes", "."):
        with pytest.raises(RecordError, match="can't be read"):
            replay(tmp_path / name)


def test_a_file_that_is_no_record_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(RecordError, match="is there already and is no record: name another file"):
        recorded(tmp_path / "notes.txt", ["Hi."])
    with pytest.raises(RecordError, match="can't be written"):
        recorded(tmp_path, ["Hi."])
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_a_record_of_another_run_is_replaced(tmp_path: Path) -> None:
    recorded(tmp_path / "r", ["One."])
    recorded(tmp_path / "r", ["Two."])
    assert replay(tmp_path / "r").text == "Two."
    assert len(load_record(tmp_path / "r").turns) == 1


def test_a_full_disk_is_told(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "r")
    recorder.close()
    with pytest.raises(RecordError, match="can't be written any more"):
        recorder.write("asked", turn=1, step=0)
    if Path("/dev/full").exists():
        with pytest.raises(DiskFullError, match="no room for the record '/dev/full'"):
            recorded(Path("/dev/full"), ["Hi."])


def test_a_half_character_can_be_recorded(tmp_path: Path) -> None:
    recorded(tmp_path / "r", ["Half: \ud83d"], question="What is \udce4?")
    assert replay(tmp_path / "r").text == "Half: \ud83d"


def test_times_are_no_part_of_equality() -> None:
    event = {"event": "answer", "at": 1.0, "seconds": 2, "answer": {"text": "x", "usage": {"seconds": 3, "input_tokens": 4}}}
    assert timeless(event) == {"event": "answer", "answer": {"text": "x", "usage": {"seconds": 0, "input_tokens": 4}}}


# ---------------------------------------------------------------------- secrets


def test_no_secret_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_SERVICE_TOKEN", "canary-7431")
    key = "sk-" + "a1b2" * 8
    message = AIMessage(f"It is canary-7431 or {key}.", response_metadata={"token_ids": [1, 2, 3], "text_hash": "x"})

    @tool
    def leak(what: str) -> str:
        """Leak."""
        return f"{what}: canary-7431, {key}"

    path = tmp_path / "run.jsonl"
    answer = recorded(path, [{"name": "leak", "args": {"what": "canary-7431"}}, message], leak, question=f"Is it {key}?")
    written = path.read_text()
    assert "canary-7431" in answer.text
    assert "canary" not in written
    assert key not in written
    assert "token_ids" not in written, "token ids spell the text out"
    assert MASK in written
    assert replay(path).text == f"It is {MASK} or {MASK}."
    assert_replays_equal(path)


def test_token_ids_of_a_clean_message_are_kept(tmp_path: Path) -> None:
    recorded(tmp_path / "r", [AIMessage("Clean.", response_metadata={"token_ids": [1, 2, 3]})])
    message = load_record(tmp_path / "r").find("message", turn=1, step=1)
    assert message is not None
    assert message["message"]["data"]["response_metadata"]["token_ids"] == [1, 2, 3]


def test_the_key_that_a_model_was_given_is_a_secret(tmp_path: Path) -> None:
    from pydantic import SecretStr

    class Keyed(ScriptedModel):
        api_key: SecretStr = SecretStr("opensesame1")

        def __init__(self, outputs: list[str]) -> None:
            super().__init__(outputs)

    Agent(Keyed(["It is opensesame1."]), tools=[]).ask("Key?", record=tmp_path / "r")
    assert "opensesame1" not in (tmp_path / "r").read_text()


@pytest.mark.parametrize(
    "secret",
    [
        "sk-proj-abcdefghijklmnop1234",
        "ghp_" + "a" * 36,
        "github_pat_" + "b" * 30,
        "xoxb-1234567890-abc",
        "AKIA" + "A1" * 8,
        "AIza" + "x" * 35,
        "hf_" + "c" * 30,
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc-123",
        "-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----\nabc",
    ],
)
def test_secrets_are_known_by_their_look(secret: str) -> None:
    redactor = Redactor()
    assert redactor.text(f"so {secret} it is").count(MASK) == 1
    assert not any(part in redactor.text(f"so {secret} it is") for part in secret.split("\n"))
    assert redactor.text(redactor.text(secret)) == redactor.text(secret)


def test_other_looks_of_secrets_and_what_is_none() -> None:
    redactor = Redactor()
    assert redactor.text("Authorization: Bearer abcdef123456789") == f"Authorization: Bearer {MASK}"
    assert redactor.text("postgres://bob:hunter2@db/x") == f"postgres://{MASK}@db/x"
    assert MASK in redactor.text("the password=hunter2hunter")
    for text in ("A risk-averse skipper", "The secret: a door", "token by token", "https://example.org/a:b@c"):
        assert redactor.text(text) == text
