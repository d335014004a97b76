"""The scripted model, and the cassette."""

from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage

from agentkit import Agent, tool
from agentkit.cassette import ask_through
from agentkit.errors import ModelError, RecordError, ReplayError
from agentkit.testing import ScriptedModel

CALL = {"name": "add", "args": {"a": 1}, "thought": "Add."}


@tool
def add(a: int) -> int:
    """Add one."""
    return a + 1


def test_outputs_come_in_order_in_every_form() -> None:
    counts = [lambda messages: f"{len(messages)} messages", ValueError("no")]
    model = ScriptedModel(["text", CALL, [CALL, CALL], AIMessage("message"), *counts])
    assert model.invoke("x").content == "text"
    call = model.invoke("x")
    assert call.tool_calls[0]["args"] == {"a": 1}
    assert call.additional_kwargs["reasoning_content"] == "Add."
    assert len(model.invoke("x").tool_calls) == 2
    assert model.invoke("x").content == "message"
    assert model.invoke("x").content == "1 messages"
    with pytest.raises(ValueError, match="no"):
        model.invoke("x")
    model.assert_done()


async def test_it_streams_and_runs_asynchronously() -> None:
    model = ScriptedModel(["one two three", CALL, "one two", "one"])
    assert [chunk.content for chunk in model.stream("x")] == ["one", " two", " three", ""]
    whole: Any = None
    async for chunk in model.astream("x"):
        whole = chunk if whole is None else whole + chunk
    assert whole.tool_calls[0]["name"] == "add"
    assert whole.additional_kwargs["reasoning_content"] == "Add."
    assert (await model.ainvoke("x")).content == "one two"
    assert [chunk.content async for chunk in model.astream("x")] == ["one", ""]


def test_it_keeps_what_it_was_asked() -> None:
    model = ScriptedModel(["a", "b"])
    model.bind_tools([add], tool_choice="none", withheld=["add"], max_tokens=9).invoke([HumanMessage("Hi.")])
    request = model.requests[0]
    assert (request.tools, request.tool_choice, request.withheld, request.options) == (["add"], "none", ("add",), {"max_tokens": 9})
    assert request.messages == [HumanMessage("Hi.")]


def test_it_says_when_outputs_run_out_or_are_left_over() -> None:
    model = ScriptedModel(["one"])
    with pytest.raises(AssertionError, match=r"the script has 1 outputs left after 0 requests: \['one'\]"):
        model.assert_done()
    with pytest.raises(AssertionError, match=r"the script has no output for request 1, whose last message is 'Hi\.': add one to the list"):
        model.invoke("Hi.")
    with pytest.raises(ModelError, match="the script has no output for request 2"):
        Agent(model, tools=[]).ask("Hi.")


@pytest.mark.parametrize("output", [7, {"args": {}}, [{"a": 1}], None])
def test_what_is_no_output_is_told(output: Any) -> None:
    with pytest.raises(TypeError, match="is no output of a ScriptedModel: give a string"):
        ScriptedModel([output]).invoke("x")


def test_usage_counts_words_or_what_is_asked_for() -> None:
    message = ScriptedModel(["one two"]).invoke("Hello, you.")
    assert message.usage_metadata is not None
    assert (message.usage_metadata["input_tokens"], message.usage_metadata["output_tokens"]) == (4, 2)
    letters = ScriptedModel(["abc"], tokenizer=len, n_ctx=50)
    assert (letters.count_tokens("abc"), letters.get_num_tokens("abc"), letters.n_ctx) == (3, 3, 50)


def test_an_output_over_the_limit_is_cut_and_a_call_is_not_made() -> None:
    message = ScriptedModel(["one two three"], max_tokens=2).invoke("x")
    assert (message.content, message.response_metadata["finish_reason"]) == ("one two", "length")
    message = ScriptedModel([CALL]).bind(max_tokens=2).invoke("x")
    assert (message.tool_calls, message.response_metadata["finish_reason"]) == ([], "length")


def test_structured_output_comes_from_scripted_json() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}}
    assert ScriptedModel(['{"a": 1}']).with_structured_output(schema).invoke("x") == {"a": 1}
    both = ScriptedModel(['{"a": 1}']).with_structured_output(schema, include_raw=True).invoke("x")
    assert both["raw"].content == '{"a": 1}'
    assert both["parsed"] == {"a": 1}


# ---------------------------------------------------------------------- the cassette


def sum_agent(outputs: list[Any]) -> Agent:
    return Agent(ScriptedModel(outputs), tools=[add])


def test_a_cassette_records_once_and_replays_ever_after(tmp_path: Path) -> None:
    path = tmp_path / "cassettes" / "run.jsonl"
    first = ask_through(sum_agent([CALL, "2"]), "1 + 1?", path)
    again = ask_through(sum_agent([]), "1 + 1?", path)
    assert (first.text, first.steps) == (again.text, again.steps)
    assert ask_through(sum_agent(["two"]), "1 + 1?", path, mode="all").text == "two"
    with pytest.raises(ReplayError, match="was recorded for '1 \\+ 1\\?', asked was 'Other\\?'"):
        ask_through(sum_agent([]), "Other?", path)
    with pytest.raises(RecordError, match="run pytest with --agentkit-record=once"):
        ask_through(sum_agent([]), "1 + 1?", tmp_path / "none", mode="none")


TEST = """
from agentkit import Agent
from agentkit.testing import ScriptedModel

def test_sums(cassette):
    agent = Agent(ScriptedModel({outputs}), tools=[])
    assert cassette(agent, "1 + 1?").text == "It is 2."
    assert cassette(agent, "And now?").text == "It is still 2."
"""


def test_the_fixture_keeps_records_beside_the_test(pytester: pytest.Pytester) -> None:
    arguments = ("-p", "agentkit.cassette", "-p", "no:cacheprovider", "-o", "asyncio_default_fixture_loop_scope=function")
    pytester.makepyfile(test_it=TEST.format(outputs=["It is 2.", "It is still 2."]))
    pytester.runpytest_inprocess(*arguments, "--agentkit-record=none").assert_outcomes(failed=1)
    pytester.runpytest_inprocess(*arguments).assert_outcomes(passed=1)
    assert sorted(path.name for path in (pytester.path / "cassettes").iterdir()) == ["test_it.test_sums.2.jsonl", "test_it.test_sums.jsonl"]
    pytester.makepyfile(test_it=TEST.format(outputs=[]))
    pytester.runpytest_inprocess(*arguments, "--agentkit-record=none").assert_outcomes(passed=1)
