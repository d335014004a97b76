"""What a replay tells of a change in what the model is offered beside the messages."""

import json
from pathlib import Path
from typing import Annotated, Any

import pytest

from agentkit import Agent, replay, tool
from agentkit.contract import ToolSpec
from agentkit.difference import tool_differences
from agentkit.errors import ReplayError
from agentkit.record import load_record
from agentkit.testing import ScriptedModel

SUM = {"name": "calculator", "args": {"expression": "1+2"}}


@tool
def book(day: str, people: Annotated[int, "how many"] = 2) -> str:
    """Book a table."""
    return f"booked {day} for {people}"


BOOK = {"name": "book", "args": {"day": "Monday"}}


def spec(**changed: Any) -> dict[str, Any]:
    properties = {"day": {"type": "string"}, "people": {"type": "integer"}}
    return {"name": "book", "description": "Book.", "parameters": {"properties": properties}, **changed}


@pytest.mark.parametrize(
    ("now", "told"),
    [
        ([spec()], []),
        ([spec(description="Reserve.")], ["the tool 'book': description is 'Reserve.', recorded 'Book.'"]),
        ([spec(), spec(name="hush")], ["the tool 'hush' is new"]),
        ([], ["the tool 'book' is gone"]),
        (
            [spec(parameters={"properties": {"day": {"type": "integer"}, "place": {}}})],
            [
                "the tool 'book': parameters.properties.day.type is 'integer', recorded 'string'",
                "the tool 'book': parameters.properties.place is new: {}",
                "the tool 'book': parameters.properties.people is gone: recorded {'type': 'integer'}",
            ],
        ),
        (
            [spec(parameters={"properties": {"people": {"type": "integer"}, "day": {"type": "string"}}})],
            ["the tool 'book': the order of parameters.properties is people, day, recorded day, people"],
        ),
    ],
)
def test_each_field_of_a_tool_that_differs_is_named(now: list[dict[str, Any]], told: list[str]) -> None:
    assert tool_differences([spec()], now) == told


def test_the_order_of_tools_is_named() -> None:
    assert tool_differences([spec(), spec(name="b")], [spec(name="b"), spec()]) == ["the order of the tools is b, book, recorded book, b"]


@pytest.fixture
def record(tmp_path: Path) -> Path:
    """The record of a run with a built-in tool and one of the user's."""
    path = tmp_path / "run.jsonl"
    Agent(ScriptedModel([SUM, BOOK, "Done."]), tools=["calculator", book]).ask("Go.", record=path)
    return path


def replayed_with(path: Path, *tools: Any) -> str:
    with pytest.raises(ReplayError) as raised:
        replay(path, agent=Agent(ScriptedModel(), tools=list(tools)))
    return str(raised.value)


def test_a_prompt_says_what_is_offered_beside_its_messages(record: Path) -> None:
    prompt = load_record(record).find("prompt", turn=1, step=1)
    assert prompt is not None
    assert prompt["offered"]["tools"] == ["calculator", "book"]
    assert prompt["offered"]["choice"] == "auto"
    assert all(len(prompt["offered"][name]) == 16 for name in ("specs", "section"))
    assert load_record(record).events[0]["builtin"] == ["calculator"]


def test_a_changed_tool_of_the_agent_is_named_with_its_field(record: Path) -> None:
    @tool("book")
    def other(day: str, people: Annotated[int, "guests"] = 2) -> str:
        """Reserve a table."""
        return ""

    told = replayed_with(record, "calculator", other)
    assert told.startswith("the asked of turn 1, step 0 differs from the record:\n")
    assert "the tool 'book': description is 'Reserve a table.', recorded 'Book a table.'" in told
    assert "the tool 'book': parameters.properties.people.description is 'guests', recorded 'how many'" in told


def test_another_order_of_parameters_is_told_though_the_schema_is_equal(record: Path) -> None:
    @tool("book")
    def other(people: Annotated[int, "how many"] = 2, *, day: str) -> str:
        """Book a table."""
        return ""

    told = replayed_with(record, "calculator", other)
    assert told == (
        "the prompt of turn 1, step 1 differs from the record in what the model is offered:\n"
        "the tool 'book': the order of parameters.properties is people, day, recorded day, people"
    )


def test_an_added_tool_and_another_order_are_told(record: Path) -> None:
    assert "the tool 'python' is new" in replayed_with(record, "calculator", book, "python")
    assert "the order of the tools is book, calculator, recorded calculator, book" in replayed_with(record, book, "calculator")


def test_a_built_in_tool_that_was_changed_is_told_without_an_agent(record: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from agentkit.tools import catalog

    made = catalog.builtin_spec("calculator")
    assert made is not None
    changed = ToolSpec(name=made.name, description="Does sums.", parameters=made.parameters)
    monkeypatch.setattr(catalog, "builtin_spec", lambda name: changed)
    with pytest.raises(ReplayError, match=r"in built-in tools:\nthe tool 'calculator': description is 'Does sums\.', recorded"):
        replay(record)


def test_another_way_to_show_tools_is_told_without_an_agent(record: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agentkit.record.render_tools", lambda specs: "none of your business")
    with pytest.raises(ReplayError, match="in what the model is offered:\nthe text that shows the tools to the model is another one"):
        replay(record)


def test_wording_that_this_run_did_not_show_is_told_when_all_else_is_equal(record: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agentkit.contract.render_compaction", lambda calls: f"{calls} calls are not shown")
    with pytest.raises(ReplayError, match=r"turn 1 is as it was recorded, but the prompt contract has another wording \(field 'golden'"):
        replay(record)


def leave_out(path: Path, *names: str) -> None:
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    left = [{name: value for name, value in line.items() if name not in names} for line in lines]
    path.write_text("".join(json.dumps(line) + "\n" for line in left), encoding="utf-8")


def test_records_from_before_still_replay(record: Path) -> None:
    leave_out(record, "golden", "offered", "builtin")
    assert '"offered"' not in record.read_text(encoding="utf-8")
    assert replay(record).text == "Done."
    assert replay(record, agent=Agent(ScriptedModel(), tools=["calculator", book])).text == "Done."


def test_a_secret_in_a_tools_description_does_not_make_a_replay_differ(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOOR_SECRET", "mellon-1")

    @tool
    def door() -> str:
        """Open it with mellon-1."""
        return "open"

    path = tmp_path / "run.jsonl"
    Agent(ScriptedModel([{"name": "door", "args": {}}, "Open."]), tools=[door]).ask("Go.", record=path)
    assert "mellon" not in path.read_text(encoding="utf-8")
    monkeypatch.delenv("DOOR_SECRET")
    assert replay(path).text == "Open."
