"""The agent: how it is asked, what it is made of, threads, typed answers, approval, cancelling."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, TypedDict

import pytest
from pydantic import BaseModel

from agentkit import Agent, Answer, Budget, Done, Token, delete_thread, list_threads, tool
from agentkit.errors import AgentkitError, ContextOverflowError, DocumentError, ModelError, SettingsError, UsageError
from agentkit.testing import ScriptedModel


@tool
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


SUM = {"name": "add", "args": {"a": 1, "b": 2}}


def test_ask_stream_and_batch_give_the_same_answer() -> None:
    def agent(times: int = 1) -> Agent:
        return Agent(ScriptedModel([SUM, "3"] * times), tools=[add])

    asked = agent().ask("1 + 2?")
    *_, done = agent().stream("1 + 2?")
    batch = agent(2).batch(["1 + 2?", "1 + 2?"])
    assert isinstance(done, Done)
    shown = [_timeless(answer) for answer in (asked, done.answer, *batch)]
    assert shown == [shown[0]] * 4
    assert shown[0]["text"] == "3"


async def test_the_twins_give_the_same_answer_from_a_loop_of_ones_own() -> None:
    def agent(times: int = 1) -> Agent:
        return Agent(ScriptedModel([SUM, "3"] * times), tools=[add])

    asked = await agent().aask("1 + 2?")
    events = [event async for event in agent().astream("1 + 2?")]
    batch = await agent(2).abatch(["1 + 2?", "1 + 2?"])
    assert isinstance(events[-1], Done)
    shown = [_timeless(answer) for answer in (asked, events[-1].answer, *batch)]
    assert shown == [shown[0]] * 4


def _timeless(answer: Answer) -> dict[str, Any]:
    shown = answer.to_dict()
    return {**shown, "usage": {**shown["usage"], "seconds": 0}}


def test_all_runs_share_one_thread_and_loop() -> None:
    where = []

    def model_says(messages: list[Any]) -> str:
        where.append((threading.current_thread().name, id(asyncio.get_running_loop())))
        return "Hello."

    agent = Agent(ScriptedModel(model_says), tools=[])
    agent.ask("Hi.")
    asyncio.run(agent.aask("Hi."))
    list(agent.stream("Hi."))
    assert len(set(where)) == 1
    assert where[0][0] == "agentkit"


# ---------------------------------------------------------------------- what it is made of


def test_tools_are_exactly_those_that_are_given() -> None:
    model = ScriptedModel()
    assert Agent(model).tools.names() == ("calculator", "python")
    assert Agent(model, tools=[]).tools.names() == ()
    assert Agent(model, tools=["calculator", add, len]).tools.names() == ("calculator", "add", "len")


def test_documents_add_a_search_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "beds.md").write_text("# Beds\n\nThe house has 36 beds.")
    agent = Agent(ScriptedModel(), tools=["search_documents"], documents=tmp_path)
    assert agent.tools.names() == ("search_documents",)
    agent = Agent(ScriptedModel(), documents=[str(tmp_path)])
    assert agent.tools.names() == ("calculator", "python", "search_documents")


class Hits:
    """A knowledge that needs no index."""

    refreshed = 0

    def refresh(self) -> None:
        self.refreshed += 1

    def search(self, query: str, k: int = 5) -> list[Any]:
        hit = type("Hit", (), {"source": "beds.md", "location": "Beds", "text": "The house has 36 beds.", "score": 1.0})
        return [hit]


def test_an_answer_from_documents_cites_them() -> None:
    knowledge: Any = Hits()
    model = ScriptedModel([{"name": "search_documents", "args": {"query": "beds"}}, 'It has 36 beds [1: "36 beds"].'])
    answer = Agent(model, documents=knowledge).ask("How many beds?")
    assert answer.text == "It has 36 beds [1]."
    assert answer.to_dict()["citations"] == [{"n": 1, "source": "beds.md", "location": "Beds", "quote": "36 beds"}]
    assert answer.critiques == ()
    assert knowledge.refreshed == 1


def test_instructions_stand_in_the_slot_of_the_system_prompt() -> None:
    model = ScriptedModel(["Oui."])
    Agent(model, tools=[], instructions="Answer in French.").ask("Yes?")
    assert str(model.requests[0].messages[0].content).endswith("\nInstructions of the user: Answer in French.")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"model": 7}, "model=7: give a URI such as 'embedded'"),
        ({"instructions": None}, "instructions=None: give a text"),
        ({"tools": "calculator"}, "tools='calculator': give a list"),
        ({"tools": ["calculater"]}, "calculator"),
        ({"tools": [add, add]}, "add"),
        ({"approval": "sometimes"}, "approval='sometimes': choose 'marked', 'always' or 'never'"),
        ({"budget": 3}, "budget=3: give a Budget, such as Budget(steps=4)"),
    ],
)
def test_an_argument_that_cannot_be_used_is_told_at_once(arguments: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError) as raised:
        Agent(**{"model": ScriptedModel(), **arguments})
    assert told in str(raised.value)


def test_a_document_that_is_not_there_is_told_at_once() -> None:
    with pytest.raises(DocumentError, match="the document 'no/such/folder' is not there"):
        Agent(ScriptedModel(), documents=["no/such/folder"])


@pytest.mark.parametrize("limits", [{"steps": -1}, {"tokens": 1.5}, {"seconds": "10"}, {"steps": True}, {"seconds": float("nan")}])
def test_a_budget_that_is_none_is_told_at_once(limits: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match=r"from 0 upward, or None for no limit"):
        Budget(**limits)


@pytest.mark.parametrize("question", ["", " \n", None, 7])
def test_an_empty_question_is_refused(question: Any) -> None:
    with pytest.raises(UsageError, match="ask something"):
        Agent(ScriptedModel(), tools=[]).ask(question)


def test_a_question_of_a_megabyte_is_answered_or_refused_by_size() -> None:
    huge = "word " * 200_000
    assert Agent(ScriptedModel(["Long."]), tools=[]).ask(huge).text == "Long."
    with pytest.raises(ContextOverflowError, match=r"takes \d+ tokens, the context window has 1000"):
        Agent(ScriptedModel(["Long."], n_ctx=1000), tools=[]).ask(huge)


def test_an_agent_is_a_tool_of_another_one() -> None:
    expert = Agent(ScriptedModel(["It is blue."]), tools=[]).as_tool("painter", "Knows colours.")
    model = ScriptedModel([{"name": "painter", "args": {"question": "Which colour?"}}, "Blue."])
    events = list(Agent(model, tools=[expert]).stream("What colour is it?"))
    assert [event.text for event in events if isinstance(event, Token)] == ["Blue."], "the other one's tokens are its own"
    assert isinstance(events[-1], Done)
    assert events[-1].answer.steps[0]["observation"] == "Result of painter:\nIt is blue."


def test_waiting_on_the_agents_own_loop_is_refused_instead_of_hanging() -> None:
    inner = Agent(ScriptedModel(["x"]), tools=[])

    @tool
    async def nested() -> str:
        """Ask in the wrong way."""
        return inner.ask("Hi.").text

    answer = Agent(ScriptedModel([{"name": "nested", "args": {}}, "No."]), tools=[nested]).ask("Go.")
    assert "await aask" in answer.steps[0]["observation"]


# ---------------------------------------------------------------------- threads


def test_a_thread_remembers_across_agents_and_can_be_listed_and_deleted(home: Path) -> None:
    Agent(ScriptedModel(["Hello Bob."]), tools=[]).ask("I am Bob.", thread="monday")
    Agent(ScriptedModel(["Nice."]), tools=[]).ask("It rains.", thread="tuesday")
    model = ScriptedModel(["Bob."])
    answer = Agent(model, tools=[]).ask("Who am I?", thread="monday")
    assert answer.text == "Bob."
    assert [message.content for message in model.requests[0].messages[1:]] == ["I am Bob.", "Hello Bob.", "Who am I?"]
    assert [message.id for message in model.requests[0].messages[1:]] == ["1.0", "1.1", "2.0"]
    assert list_threads() == ["monday", "tuesday"]
    assert (delete_thread("monday"), delete_thread("monday"), list_threads()) == (True, False, ["tuesday"])


def test_questions_without_a_thread_remember_nothing_and_leave_nothing(home: Path) -> None:
    model = ScriptedModel(["Hello Bob.", "Who knows."])
    agent = Agent(model, tools=[])
    agent.ask("I am Bob.")
    agent.ask("Who am I?")
    assert [message.content for message in model.requests[1].messages[1:]] == ["Who am I?"]
    assert list_threads() == []
    assert not home.exists()


def test_a_turn_starts_its_steps_usage_and_guard_anew(home: Path) -> None:
    model = ScriptedModel([SUM, "3", SUM, "3 again"])
    agent = Agent(model, tools=[add])
    first, second = (agent.ask("1 + 2?", thread="t") for _ in range(2))
    assert [step["observation"] for step in second.steps] == ["Result of add:\n3"]
    assert second.usage["output_tokens"] == first.usage["output_tokens"] + 1


def test_a_thread_whose_run_failed_goes_on(home: Path) -> None:
    model = ScriptedModel([SUM, ConnectionError("gone"), "Here I am."])
    agent = Agent(model, tools=[add])
    with pytest.raises(ModelError, match="gone"):
        agent.ask("1 + 2?", thread="t")
    assert agent.ask("Still there?", thread="t").text == "Here I am."
    kinds = [message.type for message in model.requests[-1].messages]
    assert kinds[0] == "system" and kinds[-1] == "human"


@pytest.mark.parametrize("thread", ["", " ", "x" * 201, 7])
def test_a_thread_needs_a_name(thread: Any) -> None:
    with pytest.raises(UsageError, match="give a name of 1 to 200 characters"):
        Agent(ScriptedModel(["x"]), tools=[]).ask("Hi.", thread=thread)


def test_threads_that_cannot_be_opened_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("AGENTKIT_HOME", str(tmp_path / "file"))
    with pytest.raises(AgentkitError, match="can't be opened"):
        Agent(ScriptedModel(["x"]), tools=[]).ask("Hi.", thread="t")
    broken = tmp_path / "home"
    broken.mkdir()
    (broken / "threads.sqlite").write_text("this is no database, but it is long enough to be looked at" * 20)
    monkeypatch.setenv("AGENTKIT_HOME", str(broken))
    with pytest.raises(AgentkitError, match="can't be read or written"):
        list_threads()
    with pytest.raises(AgentkitError, match="can't be read or written"):
        Agent(ScriptedModel(["x"]), tools=[]).ask("Hi.", thread="t")


def test_two_questions_at_once_on_a_thread_come_one_after_the_other(home: Path) -> None:
    model = ScriptedModel(["one", "two"])
    agent = Agent(model, tools=[])

    async def both() -> list[str]:
        answers = await asyncio.gather(agent.aask("First?", thread="t"), agent.aask("Second?", thread="t"))
        return [answer.text for answer in answers]

    assert sorted(asyncio.run(both())) == ["one", "two"]
    assert [len(request.messages) for request in model.requests] == [2, 4]


# ---------------------------------------------------------------------- typed answers


class Pump(BaseModel):
    """A pump."""

    name: str
    litres: int


def test_a_schema_gives_a_typed_answer() -> None:
    model = ScriptedModel([SUM, "It is P3.", '{"name": "P3", "litres": 3}'])
    answer = Agent(model, tools=[add]).ask("Which pump?", schema=Pump)
    assert answer.value == Pump(name="P3", litres=3)
    assert answer.text == '{"name": "P3", "litres": 3}'
    assert answer.to_dict()["value"] == {"name": "P3", "litres": 3}
    assert [message.type for message in model.requests[-1].messages] == ["system", "human", "ai", "tool", "ai", "human"]


def test_a_json_schema_and_a_typed_dict_give_plain_data() -> None:
    class Place(TypedDict):
        name: str

    for schema in (Place, {"title": "place", "type": "object", "properties": {"name": {"type": "string"}}}):
        answer = Agent(ScriptedModel(["Elm Road.", '{"name": "Elm Road"}']), tools=[]).ask("Where?", schema=schema)
        assert answer.value == {"name": "Elm Road"}


def test_a_typed_answer_that_does_not_come_is_a_model_error() -> None:
    with pytest.raises(ModelError, match="no answer of the type Pump came: ValidationError"):
        Agent(ScriptedModel(["It is P3.", '{"name": "P3"}']), tools=[]).ask("Which pump?", schema=Pump)


def test_a_typed_answer_counts_its_tokens_and_keeps_to_the_time() -> None:
    model = ScriptedModel(["It is P3.", '{"name": "P3", "litres": 3}'])
    answer = Agent(model, tools=[]).ask("Which pump?", schema=Pump)
    assert answer.usage["output_tokens"] == 4 + model.count_tokens('{"name": "P3", "litres": 3}')

    class Slowly(ScriptedModel):
        def __init__(self, outputs: list[str]) -> None:
            super().__init__(outputs)

        async def _agenerate(self, *args: Any, **options: Any) -> Any:
            await asyncio.sleep(60)

    late = Agent(Slowly(["It is P3."]), tools=[], budget=Budget(seconds=1)).ask("Which pump?", schema=Pump)
    assert (late.text, late.value, late.stop_reason) == ("It is P3.", None, "max_seconds")


# ---------------------------------------------------------------------- batch


def test_a_question_that_fails_does_not_lose_the_others() -> None:
    model = ScriptedModel(["One.", ConnectionError("gone"), "Three."])
    answers = Agent(model, tools=[]).batch(["1?", "2?", "3?"])
    assert [answer.stop_reason for answer in answers] == ["answered", "error", "answered"]
    assert (answers[1].text, answers[2].text) == ("the model failed with ConnectionError: gone", "Three.")


def test_a_batch_is_a_list() -> None:
    with pytest.raises(UsageError, match="give a list of questions"):
        Agent(ScriptedModel(), tools=[]).batch("one?")


# ---------------------------------------------------------------------- approval


def asking(sent: list[str]) -> Any:
    @tool(approval="ask", effect="writes")
    def send(to: str) -> str:
        """Send a letter."""
        sent.append(to)
        return f"sent to {to}"

    return send


LETTERS = [{"name": "send", "args": {"to": "Ann"}}, {"name": "add", "args": {"a": 1, "b": 2}}, {"name": "send", "args": {"to": "Bob"}}]


def test_calls_that_ask_wait_together_and_survive_the_agent(home: Path) -> None:
    sent: list[str] = []
    waiting = Agent(ScriptedModel([LETTERS]), tools=[asking(sent), add]).ask("Write.", thread="t")
    assert (waiting.stop_reason, sent) == ("needs_approval", [])
    assert [(call["tool"], call["args"]) for call in waiting.pending] == [("send", {"to": "Ann"}), ("send", {"to": "Bob"})]
    decisions = {waiting.pending[0]["id"]: True, waiting.pending[1]["id"]: {"deny": "not him"}}
    answer = Agent(ScriptedModel(["Done."]), tools=[asking(sent), add]).resume("t", decisions)
    assert (answer.text, answer.stop_reason, sent) == ("Done.", "answered", ["Ann"])
    assert [step["observation"] for step in answer.steps] == [
        "Result of send:\nsent to Ann",
        "Result of add:\n3",
        "Error of send:\nThe user did not allow this call: not him.",
    ]


def test_one_decision_may_stand_for_all_and_arguments_may_be_changed() -> None:
    sent: list[str] = []
    agent = Agent(ScriptedModel([LETTERS, "Done."]), tools=[asking(sent), add])
    waiting = agent.ask("Write.")
    thread = waiting.pending[0]["thread"]
    assert agent.resume(thread, True).text == "Done."
    assert sorted(sent) == ["Ann", "Bob"]
    other = Agent(ScriptedModel([LETTERS[0], "Done."]), tools=[asking(sent)])
    waiting = other.ask("Write.")
    other.resume(waiting.pending[0]["thread"], {waiting.pending[0]["id"]: {"args": {"to": "Eve"}}})
    assert sent[-1] == "Eve"


def test_resuming_what_does_not_wait_is_refused(home: Path) -> None:
    sent: list[str] = []
    agent = Agent(ScriptedModel([LETTERS[0]]), tools=[asking(sent)])
    with pytest.raises(UsageError, match="nothing waits for approval in the thread 't'"):
        agent.resume("t", True)
    waiting = agent.ask("Write.", thread="t")
    with pytest.raises(UsageError, match="no call 'zzz' waits in the thread 't'"):
        agent.resume("t", {"zzz": True})
    assert waiting.pending and not sent


def test_a_tool_that_is_never_allowed_is_not_run() -> None:
    @tool(approval="never")
    def destroy() -> str:
        """Destroy."""
        raise AssertionError

    answer = Agent(ScriptedModel([{"name": "destroy", "args": {}}, "No."]), tools=[destroy]).ask("Go.")
    assert answer.steps[0]["observation"] == "Error of destroy:\ndestroy may not be called: its policy says never."


async def test_aresume_is_the_twin_of_resume(home: Path) -> None:
    sent: list[str] = []
    agent = Agent(ScriptedModel([LETTERS[0], "Done."]), tools=[asking(sent)])
    await agent.aask("Write.", thread="t")
    assert (await agent.aresume("t", "approve")).text == "Done."
    assert sent == ["Ann"]


# ---------------------------------------------------------------------- cancelling


class Slow(ScriptedModel):
    """Says a word, then nothing for long."""

    async def _astream(self, *args: Any, **options: Any) -> Any:
        from langchain_core.messages import AIMessageChunk
        from langchain_core.outputs import ChatGenerationChunk

        yield ChatGenerationChunk(message=AIMessageChunk(content="So far"))
        await asyncio.sleep(60)


async def test_cancelling_the_caller_cancels_the_run_and_its_record_says_so(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    task = asyncio.ensure_future(Agent(Slow(), tools=[]).aask("Go.", record=path))
    while not path.exists() or '"prompt"' not in path.read_text():
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    from agentkit.record import load_record

    last = load_record(path).events[-1]
    assert (last["event"], last["answer"]["stop_reason"], last["answer"]["text"]) == ("answer", "cancelled", "So far")


def test_closing_the_stream_cancels_the_run() -> None:
    stopped = threading.Event()

    @tool
    async def wait() -> str:
        """Wait for long."""
        try:
            await asyncio.sleep(60)
        finally:
            stopped.set()
        return ""

    events = Agent(ScriptedModel([{"name": "wait", "args": {}}]), tools=[wait]).stream("Go.")
    next(events)
    time.sleep(0.1)
    events.close()  # type: ignore[attr-defined]
    assert stopped.wait(2)


PROGRAM = """
import sys
sys.path.insert(0, {root!r})
from agentkit import Agent, Done
from tests_slow import Slow
try:
    for event in Agent(Slow(), tools=[]).stream("Go."):
        print(type(event).__name__, flush=True)
        if isinstance(event, Done):
            print(event.answer.stop_reason, event.answer.text, flush=True)
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_ctrl_c_gives_the_answer_so_far_and_then_keyboard_interrupt(tmp_path: Path) -> None:
    import inspect

    source = "import asyncio\nfrom typing import Any\nfrom agentkit.testing import ScriptedModel\n" + inspect.getsource(Slow)
    (tmp_path / "tests_slow.py").write_text(source.replace('yield ChatGen', 'print("ready", flush=True)\n        yield ChatGen', 1))
    (tmp_path / "program.py").write_text(PROGRAM.format(root=os.getcwd()))
    process = subprocess.Popen([sys.executable, str(tmp_path / "program.py")], stdout=subprocess.PIPE, text=True, cwd=tmp_path)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=20)
    assert out.split("\n") == ["Token", "Done", "cancelled So far", "interrupted", ""]
    assert process.returncode == 0


# ---------------------------------------------------------------------- importing


def imported(code: str) -> list[str]:
    done = subprocess.run([sys.executable, "-X", "importtime", "-c", code], capture_output=True, text=True, check=True)
    return [line.rsplit("|", 1)[1].strip() for line in done.stderr.splitlines() if line.startswith("import time:")]


def test_importing_agentkit_loads_nothing_heavy() -> None:
    names = imported("import agentkit")
    heavy = ("torch", "numpy", "llama_cpp", "chromadb", "langgraph", "langchain_core", "langsmith", "pydantic", "transformers", "openai")
    assert [name for name in names if name.split(".")[0] in heavy] == []
    assert "agentkit" in names


def test_a_thread_whose_run_was_cancelled_goes_on(home: Path) -> None:
    Agent(ScriptedModel(["Hello Bob."]), tools=[]).ask("I am Bob.", thread="t")
    events = Agent(Slow(), tools=[]).stream("Tell me a story.", thread="t")
    assert next(events) == Token(step=1, text="So far")
    events.close()  # type: ignore[attr-defined]
    model = ScriptedModel(["Bob."])
    assert Agent(model, tools=[]).ask("Who am I?", thread="t").text == "Bob."
    texts = [str(message.content) for message in model.requests[0].messages[1:]]
    assert texts[:2] == ["I am Bob.", "Hello Bob."]
    assert texts[-1] == "Who am I?"
    assert "So far" not in texts
