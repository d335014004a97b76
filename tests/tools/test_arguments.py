"""What a model is told about wrong arguments."""

from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.tools import BaseTool, InjectedToolArg, StructuredTool
from pydantic import BaseModel, Field, field_validator

from agentkit.errors import ToolError, UsageError
from agentkit.tools import as_tool, tool, validate_args

SCHEMA = {
    "type": "object",
    "properties": {
        "tank": {"type": "string", "maxLength": 20},
        "portions": {"type": "integer", "minimum": 1},
        "food": {"enum": ["flakes", "pellets"]},
        "times": {"type": "array", "items": {"type": "string", "pattern": "^[0-2][0-9]:[0-5][0-9]$"}},
    },
    "required": ["tank", "portions"],
    "additionalProperties": False,
}


class Feed(BaseModel):
    tank: str = Field(max_length=20)
    portions: int = Field(ge=1)
    food: Literal["flakes", "pellets"] = "flakes"
    times: list[str] = []

    @field_validator("times")
    @classmethod
    def _times(cls, value: list[str]) -> list[str]:
        if any(len(time) != 5 for time in value):
            raise ValueError("times look like 07:30")
        return value


def feed(kind: str) -> BaseTool:
    schema: Any = SCHEMA if kind == "json" else Feed
    return StructuredTool.from_function(lambda **args: str(args), name="feed_fish", description="Feed the fish.", args_schema=schema)


def told(made: BaseTool, args: Any) -> str:
    with pytest.raises(ToolError) as caught:
        validate_args(made, args)
    return str(caught.value)


SIGNATURES = {
    "json": '- feed_fish(tank: string, portions: integer, food?: "flakes"|"pellets", times?: string[]): Feed the fish.',
    "model": '- feed_fish(tank: string, portions: integer, food?: "flakes"|"pellets" = "flakes", times?: string[] = []): Feed the fish.',
}


@pytest.mark.parametrize("kind", ["json", "model"])
class TestBothKinds:
    """A JSON Schema and a Pydantic model are treated alike."""

    def test_right_arguments_come_back_unchanged(self, kind: str) -> None:
        args = {"tank": "Atoll", "portions": 2, "food": "flakes"}
        assert validate_args(feed(kind), args) == args

    def test_a_missing_one_is_named(self, kind: str) -> None:
        assert told(feed(kind), {"tank": "Atoll"}) == f"argument 'portions' is missing\n{SIGNATURES[kind]}"

    def test_an_unknown_one_is_named_with_the_nearest(self, kind: str) -> None:
        text = told(feed(kind), {"tank": "Atoll", "portion": 2, "portions": 2})
        assert text == f"there is no argument 'portion', did you mean 'portions'?\n{SIGNATURES[kind]}"

    def test_a_wrong_type_shows_what_came_and_what_was_allowed(self, kind: str) -> None:
        first = told(feed(kind), {"tank": "Atoll", "portions": "two"}).splitlines()[0]
        assert first.startswith("argument 'portions' is 'two': ") and "integer" in first

    def test_a_value_that_is_not_among_the_choices(self, kind: str) -> None:
        first = told(feed(kind), {"tank": "Atoll", "portions": 2, "food": "worms"}).splitlines()[0]
        assert "'food' is 'worms'" in first and "'flakes' or 'pellets'" in first

    def test_a_fault_within_a_list_has_its_place(self, kind: str) -> None:
        first = told(feed(kind), {"tank": "Atoll", "portions": 2, "times": ["07:30", 8]}).splitlines()[0]
        assert first.startswith("argument 'times[1]' is 8: ")

    def test_a_bound_that_is_broken(self, kind: str) -> None:
        assert "argument 'portions' is 0: " in told(feed(kind), {"tank": "Atoll", "portions": 0})

    def test_many_faults_are_counted(self, kind: str) -> None:
        text = told(feed(kind), {"food": 1, "times": 2, "x": 3, "y": 4})
        assert len(text.splitlines()) == 5 and "more faults" in text

    def test_a_long_value_is_cut(self, kind: str) -> None:
        assert len(told(feed(kind), {"tank": "Atoll", "portions": "2" * 10_000})) < 800

    @pytest.mark.parametrize("args", [None, [], "Atoll", 3])
    def test_what_is_no_object_at_all(self, kind: str, args: Any) -> None:
        assert told(feed(kind), args).startswith("the arguments came as ")


def test_numbers_in_strings_are_accepted_where_pydantic_accepts_them() -> None:
    assert validate_args(feed("model"), {"tank": "Atoll", "portions": "2"}) == {"tank": "Atoll", "portions": "2"}


def test_a_validators_own_message_is_told() -> None:
    assert "times look like 07:30" in told(feed("model"), {"tank": "A", "portions": 1, "times": ["7"]})


def test_an_alias_is_a_name() -> None:
    class Where(BaseModel):
        place: str = Field(alias="where")

    made = StructuredTool.from_function(lambda **args: "", name="go", description="Go.", args_schema=Where)
    assert validate_args(made, {"where": "home"}) == {"where": "home"}


def test_models_and_functions_that_take_more_get_more() -> None:
    class Open(BaseModel, extra="allow"):
        name: str

    @tool
    def anything(name: str, **kwargs: Any) -> str:
        """Anything."""
        return name

    made = StructuredTool.from_function(lambda **args: "", name="open", description="Open.", args_schema=Open)
    assert validate_args(made, {"name": "a", "more": 1}) == {"name": "a", "more": 1}
    assert validate_args(anything, {"name": "a", "more": 1}) == {"name": "a", "more": 1}


def test_injected_arguments_are_not_asked_for() -> None:
    @tool
    def note(text: str, user: Annotated[str, InjectedToolArg]) -> str:
        """Note it."""
        return text + user

    assert validate_args(note, {"text": "milk"}) == {"text": "milk"}
    assert "there is no argument 'user'" in told(note, {"text": "milk", "user": "root"})


def test_a_tool_class_without_a_schema_of_its_own_is_read_off_its_method() -> None:
    class Halve(BaseTool):
        name: str = "halve"
        description: str = "Half of n."

        def _run(self, n: float) -> float:
            return n / 2

    assert validate_args(Halve(), {"n": 3}) == {"n": 3}
    assert "argument 'n' is missing" in told(Halve(), {})


def test_a_nested_missing_argument_has_its_path() -> None:
    schema = {"type": "object", "properties": {"at": {"type": "object", "properties": {"lat": {"type": "number"}}, "required": ["lat"]}}}
    made = StructuredTool.from_function(lambda at: "", name="where", description="Where.", args_schema=schema)
    assert told(made, {"at": {}}).splitlines()[0] == "argument 'at.lat' is missing"


def test_a_rule_on_the_whole_object_is_told() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}}, "minProperties": 1}
    made = StructuredTool.from_function(lambda **args: "", name="either", description="Either.", args_schema=schema)
    assert told(made, {}).startswith("the arguments are {}: ")


@pytest.mark.parametrize(
    ("schema", "problem"),
    [
        ({"type": "object", "properties": {"a": {"type": "text"}}}, "no JSON Schema"),
        ({"type": "array", "items": {}}, "has type 'array'"),
    ],
)
def test_a_dict_that_is_no_schema_of_arguments_is_refused(schema: dict[str, Any], problem: str) -> None:
    made = StructuredTool.from_function(lambda **args: "", name="broken", description="-", args_schema=schema)
    with pytest.raises(UsageError, match=f"tool 'broken': args_schema .*{problem}"):
        as_tool(made)


def test_a_reference_to_elsewhere_is_never_fetched() -> None:
    schema = {"type": "object", "properties": {"a": {"$ref": "http://127.0.0.1:9/schema.json"}}}
    made = StructuredTool.from_function(lambda **args: "", name="remote", description="-", args_schema=schema)
    with pytest.raises(UsageError, match="points to"):
        validate_args(made, {"a": 1})


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=30),
    lambda v: st.lists(v, max_size=3) | st.dictionaries(st.text(max_size=5), v, max_size=3),
)
arguments = st.dictionaries(st.sampled_from(["tank", "portions", "food", "times", "x"]), values, max_size=5)


@given(arguments)
def test_any_arguments_are_accepted_or_refused_with_the_signature(args: dict[str, Any]) -> None:
    for kind in ("json", "model"):
        made = feed(kind)
        try:
            assert validate_args(made, args) == args
        except ToolError as error:
            lines = str(error).splitlines()
            assert lines[-1] == SIGNATURES[kind] and len(lines) <= 5 + sum(line.count("\n") for line in lines)
