"""The graph as a whole, driven by a scripted model."""

import asyncio
import itertools
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from agentkit import Agent, Answer, Budget, tool
from agentkit.answer import Call, Critique, Done, Event, Observation, Thought, Token
from agentkit.contract import render_repeated
from agentkit.errors import ModelError, ToolError, UsageError
from agentkit.graphs import react
from agentkit.graphs.react import make_graph
from agentkit.retrieval import Knowledge, Report
from agentkit.testing import ScriptedModel


@tool
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@tool
def shout(text: str) -> str:
    """Say it loudly."""
    return text.upper()


def call(name: str, /, **args: Any) -> dict[str, Any]:
    return {"name": name, "args": args}


def passages_tool(*texts: str, name: str = "search_documents") -> Any:
    @tool(name, response_format="content_and_artifact")
    def search(query: str) -> tuple[str, dict[str, Any]]:
        """Search."""
        return "", {"passages": [{"source": f"{n}.md", "location": f"Part {n}", "text": text} for n, text in enumerate(texts)]}

    return search


def ask(outputs: Any, *tools: Any, question: str = "Go.", **options: Any) -> tuple[Answer, ScriptedModel]:
    model = outputs if isinstance(outputs, ScriptedModel) else ScriptedModel(outputs)
    return Agent(model, tools=list(tools), **options).ask(question), model


def observations(answer: Answer) -> list[str]:
    return [step["observation"] for step in answer.steps]


def test_the_drawing_in_the_docstring_is_pinned() -> None:
    drawing = (react.__doc__ or "").split("```")[1]
    assert (
        drawing
        == """
question -> reason
   +------------------------------------------+
   v                                          |
 reason --tool calls--> act --raw results--> observe
   |                  (one a call)   (in order, cut, numbered, counted)
   +--nothing usable--> reason (an answer is forced)
   |
   +--draft--> critique --> answer -> END
"""
    )


def test_the_graph_is_the_one_that_is_drawn() -> None:
    drawn = Agent(ScriptedModel(), tools=[]).graph.get_graph()
    assert sorted((edge.source, edge.target, edge.conditional) for edge in drawn.edges) == [
        ("__start__", "reason", False),
        ("act", "observe", False),
        ("answer", "__end__", False),
        ("critique", "answer", False),
        ("observe", "reason", False),
        ("reason", "act", True),
        ("reason", "critique", True),
        ("reason", "reason", True),
    ]


def test_a_whole_run_as_events() -> None:
    model = ScriptedModel([{**call("add", a=1, b=2), "thought": "I add."}, "It is 3."])
    events = list(Agent(model, tools=[add]).stream("What is 1 + 2?"))
    model.assert_done()
    calls = [event for event in events if isinstance(event, Call)]
    usage = events[-1].answer.usage if isinstance(events[-1], Done) else None
    assert usage is not None
    assert events == [
        Thought(step=1, text="I add."),
        Call(step=1, id=calls[0].id, tool="add", args={"a": 1, "b": 2}),
        Observation(step=1, id=calls[0].id, tool="add", text="Result of add:\n3"),
        Token(step=2, text="It"),
        Token(step=2, text=" is"),
        Token(step=2, text=" 3."),
        Done(
            step=2,
            answer=Answer(
                text="It is 3.",
                steps=({"step": 1, "thought": "I add.", "tool": "add", "args": {"a": 1, "b": 2}, "observation": "Result of add:\n3"},),
                usage=usage,
            ),
        ),
    ]


def test_a_thought_beside_a_call_is_no_token() -> None:
    model = ScriptedModel([AIMessage("Let me add.", tool_calls=[{"name": "add", "args": {"a": 1, "b": 1}, "id": "x"}]), "2"])
    events = list(Agent(model, tools=[add]).stream("1 + 1?"))
    assert [event for event in events if isinstance(event, Thought)] == [Thought(step=1, text="Let me add.")]
    assert "".join(event.text for event in events if isinstance(event, Token)) == "2"


def test_observations_stand_in_the_order_of_the_calls_whatever_takes_longest() -> None:
    @tool
    async def wait(seconds: float) -> str:
        """Wait."""
        order.append("begin")
        await asyncio.sleep(seconds)
        order.append("end")
        return f"waited {seconds}"

    order: list[str] = []
    answer, model = ask([[call("wait", seconds=0.3), call("wait", seconds=0.2), call("wait", seconds=0.1)], "Done."], wait)
    assert order == ["begin"] * 3 + ["end"] * 3, "calls of one message run side by side"
    assert observations(answer) == [f"Result of wait:\nwaited {seconds}" for seconds in (0.3, 0.2, 0.1)]
    assert [step["step"] for step in answer.steps] == [1, 1, 1]
    results = [message for message in model.requests[1].messages if isinstance(message, ToolMessage)]
    assert [message.id for message in results] == ["1.1.0", "1.1.1", "1.1.2"]


@pytest.mark.parametrize(
    ("made", "told"),
    [
        (
            call("ad", a=1),
            "Error of ad:\nThere is no tool 'ad'. Did you mean 'add'? Tools: add, shout.\nUse it so:\n"
            "- add(a: integer, b: integer): Add two numbers.",
        ),
        (call("zzz"), "Error of zzz:\nThere is no tool 'zzz'. Tools: add, shout."),
        (call("add", a=1), "Error of add:\nargument 'b' is missing\n- add(a: integer, b: integer): Add two numbers."),
    ],
)
def test_a_call_that_cannot_be_made_is_answered_with_what_can(made: dict[str, Any], told: str) -> None:
    answer, _ = ask([made, "Well."], add, shout)
    assert observations(answer) == [told]
    assert answer.stop_reason == "answered"


@pytest.mark.parametrize(
    ("raised", "told"),
    [
        (ToolError("the pump is off"), "the pump is off"),
        (ValueError("no such day"), "ValueError: no such day"),
        (SystemExit(3), "the tool tried to end the process"),
    ],
)
def test_whatever_a_tool_raises_is_an_observation(raised: BaseException, told: str) -> None:
    @tool
    def broken() -> str:
        """Break."""
        raise raised

    answer, _ = ask([call("broken"), "It broke."], broken)
    assert observations(answer) == [f"Error of broken:\n{told}"]
    assert answer.text == "It broke."


def test_a_synchronous_tool_that_hangs_may_still_be_running() -> None:
    @tool(timeout=0.1)
    def hang() -> str:
        """Hang."""
        time.sleep(1)
        return "late"

    answer, _ = ask([call("hang"), "No luck."], hang)
    assert "may still be running" in observations(answer)[0]


def test_arguments_that_are_no_json_object_are_told() -> None:
    broken = AIMessage("", invalid_tool_calls=[{"type": "invalid_tool_call", "name": "add", "args": '{"a": 1', "id": "x", "error": ""}])
    answer, _ = ask([broken, "Sorry."], add)
    told = "Error of add:\nThe arguments are not a JSON object: '{\"a\": 1'.\nUse it so:\n- add(a: integer"
    assert observations(answer)[0].startswith(told)
    assert answer.steps[0]["args"] == {}


def test_calls_with_the_same_id_or_none_get_ids_of_their_own() -> None:
    twice = [{"name": "add", "args": {"a": 1, "b": n}, "id": "same"} for n in (1, 2)]
    answer, model = ask([twice, [{"name": "add", "args": {"a": 2, "b": 2}, "id": "same"}], "4"], add)
    assert observations(answer) == ["Result of add:\n2", "Result of add:\n3", "Result of add:\n4"]
    ids = [step["id"] for message in model.requests[-1].messages if isinstance(message, AIMessage) for step in message.tool_calls]
    assert len(set(ids)) == 3


def test_more_calls_than_are_run_at_once_are_refused() -> None:
    answer, _ = ask([[call("add", a=n, b=n) for n in range(18)], "Much."], add)
    assert sum("At most 16 calls at once" in text for text in observations(answer)) == 2


def test_passages_are_numbered_through_the_thread_and_cited(home: Any) -> None:
    model = ScriptedModel([
        call("search_documents", query="beds"), 'There are 36 [1: "36 beds"].',
        call("search_documents", query="price"), 'It costs 24 [4: "24.00"] and has beds [1: "36 beds"].',
    ])  # fmt: skip
    agent = Agent(model, tools=[passages_tool("It has 36 beds.", "A bed costs 24.00.")])
    first = agent.ask("How many beds?", thread="t")
    second = agent.ask("What does a bed cost?", thread="t")
    assert first.text == "There are 36 [1]."
    assert list(first.citations) == [{"n": 1, "source": "0.md", "location": "Part 0", "quote": "36 beds"}]
    assert second.steps[0]["observation"].startswith("Passages found by search_documents:\n[3] 0.md, Part 0\nIt has 36 beds.\n\n[4] 1.md")
    assert [citation["n"] for citation in second.citations] == [4, 1]
    shown = [message.artifact for message in model.requests[-1].messages if isinstance(message, ToolMessage)]
    assert [passage["n"] for artifact in shown for passage in artifact["passages"]] == [1, 2, 3, 4]


def test_a_search_without_results_is_an_observation() -> None:
    answer, _ = ask([call("search_documents", query="x"), "The documents don't say."], passages_tool())
    assert observations(answer) == ["No passages found by search_documents."]


def test_a_quote_that_is_not_in_its_passage_is_never_shown() -> None:
    text = 'Red [1: "red door"], blue [2: "blue"], old [9: "x"], green [1: "green"], bare [2].'
    answer, _ = ask([call("search_documents", query="x"), text], passages_tool("a green door", "a blue door"))
    assert answer.text == "Red, blue [2], old, green [1], bare [2]."
    assert [(citation["n"], citation["quote"]) for citation in answer.citations] == [(2, "blue"), (1, "green")]
    assert [note["finding"] for note in answer.critiques] == ["passage 1 does not say 'red door'", "no passage 9 was shown"]


def test_critique_can_be_switched_off_but_false_quotes_stay_away() -> None:
    events = list(Agent(ScriptedModel(['It is 99 [1: "x"].']), tools=[], critique=False).stream("Go."))
    done = events[-1]
    assert isinstance(done, Done)
    assert (done.answer.text, done.answer.critiques, done.answer.citations) == ("It is 99.", (), ())
    assert not [event for event in events if isinstance(event, Critique)]


def test_a_long_result_is_cut_to_the_tokens_of_its_policy() -> None:
    @tool(max_result_tokens=20)
    def story() -> str:
        """Tell."""
        return " ".join(f"word{n}" for n in range(100))

    answer, model = ask([call("story"), "Long."], story)
    note = "\n[cut here: 80 tokens left out]"
    assert observations(answer)[0].endswith(note)
    kept = observations(answer)[0].removesuffix(note).removeprefix("Result of story:\n")
    assert model.count_tokens(kept) == 20


def test_long_passages_are_cut_and_quotes_beyond_the_cut_are_refused() -> None:
    search = passages_tool(" ".join(f"a{n}" for n in range(100)), "the last one")
    search.metadata["agentkit_policy"] = type(search.metadata["agentkit_policy"])(max_result_tokens=30)
    answer, model = ask([call("search_documents", query="x"), 'See [1: "a29"] and [1: "a31"].'], search)
    artifact = next(message.artifact for message in model.requests[1].messages if isinstance(message, ToolMessage))
    assert artifact["passages"] == [{"n": 1, "source": "0.md", "location": "Part 0", "text": " ".join(f"a{n}" for n in range(30))}]
    assert observations(answer)[0].endswith("a29\n[cut here: 73 tokens left out]")
    assert [citation["quote"] for citation in answer.citations] == ["a29"]


# ---------------------------------------------------------------------- the guard


def test_the_same_call_again_gets_a_hint_then_its_tool_is_withheld_then_an_answer_is_forced() -> None:
    runs = []

    @tool
    def look(at: str) -> str:
        """Look."""
        runs.append(at)
        return "nothing new"

    outputs = [call("look", at="x")] * 3 + ["I saw nothing new."]
    answer, model = ask(outputs, look, shout)
    assert runs == ["x"]
    assert observations(answer) == ["Result of look:\nnothing new", render_repeated("look"), render_repeated("look")]
    assert [request.withheld for request in model.requests] == [(), (), (), ("look",)]
    assert answer.stop_reason == "answered"

    answer, model = ask([*outputs[:3], call("look", at="x"), "I give up."], look, shout)
    assert (answer.text, answer.stop_reason) == ("I give up.", "no_progress")
    assert model.requests[-1].tool_choice == "none"


def test_a_model_that_does_not_know_withholding_is_not_bound_to_the_tool() -> None:
    model = ScriptedModel([call("add", a=1, b=1)] * 3 + ["2"], supports_withholding=False)
    answer, _ = ask(model, add, shout)
    assert answer.text == "2"
    assert [request.tools for request in model.requests] == [["add", "shout"]] * 3 + [["shout"]]


def test_ping_pong_between_two_calls_ends() -> None:
    def ping_pong(messages: list[Any]) -> dict[str, Any]:
        return call("add", a=1, b=len(messages) // 2 % 2)

    answer, model = ask(ScriptedModel(ping_pong), add)
    assert answer.stop_reason == "no_progress"
    assert len(model.requests) <= 6
    assert answer.text == "I stopped before I had an answer. Result of add:\n1"


def test_a_tool_that_reads_may_be_asked_again_until_it_says_the_same_twice() -> None:
    said = iter(["waiting", "waiting a bit more", "ready", "ready", "ready"])

    @tool(effect="reads")
    def status() -> str:
        """Read the state."""
        return next(said)

    answer, _ = ask([call("status")] * 5 + ["It is ready."], status)
    assert [text.removeprefix("Result of status:\n") for text in observations(answer)] == [
        "waiting", "waiting a bit more", "ready", "ready", render_repeated("status"),
    ]  # fmt: skip


def test_after_a_change_the_same_look_is_new() -> None:
    shelf: list[str] = []

    @tool(effect="writes")
    def put(item: str) -> str:
        """Put."""
        shelf.append(item)
        return "done"

    @tool
    def look() -> str:
        """Look."""
        return ", ".join(shelf) or "empty"

    answer, _ = ask([call("look"), call("put", item="cup"), call("look"), "A cup."], put, look)
    assert observations(answer)[-1] == "Result of look:\ncup"


# ---------------------------------------------------------------------- budgets


def counting(messages: list[Any]) -> dict[str, Any]:
    return call("add", a=len(messages), b=1)


def test_used_up_steps_end_in_an_answer_from_what_was_seen() -> None:
    def model_says(messages: list[Any]) -> Any:
        return counting(messages) if len(messages) < 8 else "So far I have 7."

    answer, model = ask(ScriptedModel(model_says), add, budget=Budget(steps=3))
    assert (answer.text, answer.stop_reason, len(answer.steps)) == ("So far I have 7.", "max_steps", 3)
    assert [request.tool_choice for request in model.requests] == ["auto", "auto", "auto", "none"]


def test_a_model_that_calls_on_though_an_answer_is_forced_is_answered_for() -> None:
    answer, _ = ask(ScriptedModel(counting), add, budget=Budget(steps=2))
    assert (answer.text, answer.stop_reason) == ("I stopped before I had an answer. Result of add:\n5", "max_steps")


def test_no_steps_at_all_means_an_answer_at_once() -> None:
    answer, model = ask(["At once."], add, budget=Budget(steps=0))
    assert (answer.text, answer.stop_reason) == ("At once.", "max_steps")
    assert model.requests[0].tool_choice == "none"


def test_used_up_tokens_end_in_an_answer_from_the_reserve() -> None:
    calls = [{**call("add", a=n, b=1), "thought": "word " * 20} for n in range(3)]
    answer, model = ask([*calls, "Short."], add, budget=Budget(tokens=100))
    assert (answer.text, answer.stop_reason) == ("Short.", "max_tokens")
    assert answer.usage["output_tokens"] <= 100
    assert all(request.options["max_tokens"] <= 75 for request in model.requests[:-1])


def test_an_answer_that_is_cut_by_the_tokens_says_so() -> None:
    answer, _ = ask(["word " * 500], budget=Budget(tokens=40))
    assert answer.stop_reason == "max_tokens"
    assert answer.text.split() == ["word"] * 30


def test_an_endless_stream_is_cut() -> None:
    class Endless(ScriptedModel):
        async def _astream(self, *args: Any, **options: Any) -> Any:
            from langchain_core.messages import AIMessageChunk
            from langchain_core.outputs import ChatGenerationChunk

            while True:
                await asyncio.sleep(0)
                yield ChatGenerationChunk(message=AIMessageChunk(content="la "))

    answer, _ = ask(Endless(), budget=Budget(tokens=50, seconds=None))
    assert answer.stop_reason == "max_tokens"
    assert 0 < answer.usage["output_tokens"] <= 51
    slow = Agent(Endless(), tools=[], budget=Budget(tokens=None, seconds=0.3)).ask("Go.")
    assert slow.stop_reason == "max_seconds"
    assert slow.text.startswith("la la")
    assert slow.usage["seconds"] < 3


def test_used_up_seconds_end_in_an_answer() -> None:
    @tool
    async def slow(n: int) -> str:
        """Take a while."""
        await asyncio.sleep(0.3)
        return f"after {n}"

    def model_says(messages: list[Any]) -> Any:
        return call("slow", n=len(messages))

    answer, _ = ask(ScriptedModel(model_says), slow, budget=Budget(seconds=1))
    assert answer.stop_reason == "max_seconds"
    assert answer.text.startswith("I stopped before I had an answer. Result of slow:\nafter")
    assert answer.usage["seconds"] < 3


def test_a_tool_that_outlasts_the_seconds_is_given_up() -> None:
    @tool
    async def slow() -> str:
        """Take too long."""
        await asyncio.sleep(5)
        return "late"

    answer, _ = ask([call("slow"), "Too late."], slow, budget=Budget(seconds=0.4))
    assert (answer.text, answer.stop_reason) == ("Too late.", "max_seconds")
    assert observations(answer) == ["Error of slow:\nthe question's time is used up; this call may still be running"]


def test_without_any_limit_a_run_still_ends_where_the_model_ends() -> None:
    answer, _ = ask([call("add", a=1, b=1), "2"], add, budget=Budget(steps=None, tokens=None, seconds=None))
    assert (answer.text, answer.stop_reason) == ("2", "answered")


def test_an_empty_message_is_followed_by_a_forced_answer() -> None:
    answer, model = ask(["", "Here."], add)
    assert (answer.text, answer.stop_reason, model.requests[1].tool_choice) == ("Here.", "no_progress", "none")
    answer, _ = ask(["", "  "], add)
    assert (answer.text, answer.stop_reason) == ("I stopped before I had an answer.", "no_progress")


def test_a_model_that_fails_is_a_model_error_with_its_reason() -> None:
    with pytest.raises(ModelError, match="the model failed with ConnectionError: gone"):
        ask([ConnectionError("gone")])


def test_a_model_without_tools_says_what_to_do() -> None:
    from langchain_core.language_models import FakeListChatModel

    with pytest.raises(ModelError, match=r"FakeListChatModel can't call tools: use a model that can, or Agent\(tools=\[\]\)"):
        Agent(FakeListChatModel(responses=["x"]), tools=[add]).ask("Go.")
    assert Agent(FakeListChatModel(responses=["hello"]), tools=[]).ask("Go.").text == "hello"


# ---------------------------------------------------------------------- the bare graph


async def test_the_bare_graph_runs_on_messages_alone() -> None:
    agent = Agent(ScriptedModel([call("add", a=1, b=2), "3"]), tools=[add])
    state = await agent.graph.ainvoke({"messages": [("user", "1 + 2?")]})  # type: ignore[call-overload]
    assert [message.type for message in state["messages"]] == ["human", "ai", "tool", "ai"]
    turn = state["turn"]
    assert (turn["text"], turn["stop_reason"], turn["number"], state["contract"]) == ("3", "answered", 1, 1)


async def test_make_graph_needs_no_argument_and_has_no_checkpointer() -> None:
    graph = await make_graph()
    assert graph.checkpointer is None
    assert set(graph.nodes) >= {"reason", "act", "observe", "critique", "answer"}
    assert [event async for event in _hello()] == [Token(step=1, text="Hello.")]


async def test_the_graph_of_a_server_is_made_of_its_settings_and_of_nothing_else_that_a_client_sends(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, home: Path
) -> None:
    (tmp_path / "house.md").write_text("# The house\n\nIt has a blue door.\n")
    (tmp_path / "diary.md").write_text("# Diary\n\nNobody may read of the door.\n")
    search = call("search_documents", query="the door")
    model = ScriptedModel([search, "Done.", search, "Done."])
    loaded: list[str] = []

    def load_model(uri: str) -> ScriptedModel:
        loaded.append(uri)
        return model

    monkeypatch.setattr("agentkit.models.load_model", load_model)
    monkeypatch.setenv("AGENTKIT_MODEL", "openai:ours")
    monkeypatch.setenv("AGENTKIT_DOCUMENTS", str(tmp_path / "house.md"))
    sent = {"model": "openai:theirs", "documents": [str(tmp_path / "diary.md")], "instructions": "Rhyme.", "tape": "x"}
    for config in ({}, {"configurable": sent}):
        graph = await make_graph(config)  # type: ignore[arg-type]
        state = await graph.ainvoke({"messages": [HumanMessage("Hi.")]}, context=sent)  # type: ignore[call-overload]
        assert [item["source"] for item in state["evidence"]] == ["house.md"]
    assert loaded == ["openai:ours"], "the model and the index are shared by all of a server's graphs"
    assert ["Rhyme." in str(request.messages[0].content) for request in model.requests] == [False, False, True, True]
    with pytest.raises(UsageError, match=r"instructions=\['a'\]: give a text"):
        await make_graph({"configurable": {"instructions": ["a"]}})


def test_the_graph_has_schemas_as_a_server_shows_them() -> None:
    graph = Agent(ScriptedModel(), tools=[]).graph
    assert graph.get_context_jsonschema() is None
    assert {"messages", "turn"} <= graph.get_input_jsonschema()["properties"].keys()
    assert {"messages", "turn"} <= graph.get_output_jsonschema()["properties"].keys()


async def test_the_first_index_of_a_bare_graph_is_not_made_in_the_time_of_the_search_tool(tmp_path: Path, home: Path) -> None:
    class Slow(Knowledge):
        def refresh(self) -> Report:
            made.append(threading.current_thread().name)
            return super().refresh()

    made: list[str] = []
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "house.md").write_text("# The house\n\nIt has a blue door.\n")
    search = call("search_documents", query="door")
    graph = Agent(ScriptedModel([search, "Blue.", search, "Blue."]), documents=Slow(tmp_path / "docs")).graph
    for question in range(1, 3):
        state = await graph.ainvoke({"messages": [HumanMessage("Which?")]})
        assert state["evidence"][0]["text"].endswith("It has a blue door.")
        assert len(made) == question, "once a question, so that changed documents are seen"
    assert not any(name.startswith("tool") for name in made)


def test_what_is_left_out_of_a_prompt_is_counted() -> None:
    model = ScriptedModel([*(call("shout", text=f"{letter} " * 150) for letter in "abcd"), "Done."], tokenizer=len, n_ctx=2500)
    answer = Agent(model, tools=[shout]).ask("Go.")
    prompts = [len(request.messages) for request in model.requests]
    shorter = sum(later <= before for before, later in itertools.pairwise(prompts))
    assert (answer.text, answer.usage["compactions"]) == ("Done.", shorter)
    assert shorter > 0
    assert ask(["Done."])[0].usage["compactions"] == 0


async def _hello() -> Any:
    graph = Agent(ScriptedModel(["Hello."]), tools=[]).graph
    async for event in graph.astream({"messages": [HumanMessage("Hi.")]}, stream_mode="custom"):
        assert isinstance(event, Event)
        yield event


async def test_tracing_variables_export_nothing_unless_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    from langsmith.utils import tracing_is_enabled

    monkeypatch.setenv("LANGSMITH_TRACING", "true")
    monkeypatch.setenv("LANGSMITH_API_KEY", "ls-canary")
    monkeypatch.setenv("LANGSMITH_ENDPOINT", "http://127.0.0.1:9")
    seen = []

    def model_says(messages: list[Any]) -> str:
        seen.append(tracing_is_enabled())
        return "Hello."

    monkeypatch.setattr("langsmith.utils.get_env_var", lambda name, default=None, **options: "true" if "TRACING" in name else default)
    Agent(ScriptedModel(model_says), tools=[]).ask("Hi.")
    await Agent(ScriptedModel(model_says), tools=[]).graph.ainvoke({"messages": [HumanMessage("Hi.")]})
    assert seen == [False, False]
