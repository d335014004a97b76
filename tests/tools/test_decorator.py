"""Making tools from functions, with our decorator and with LangChain's."""

import functools
from typing import Any

import pytest
from langchain_core.tools import BaseTool, StructuredTool
from langchain_core.tools import tool as langchain_tool
from pydantic import BaseModel

from agentkit.contract import render_signature
from agentkit.errors import UsageError
from agentkit.tools import Policy, as_tool, tool, tool_spec
from agentkit.tools.policy import policy_of


def bin_day(street: str, week: int = 1) -> str:
    """Next collection day.

    Args:
        street: its name
        week: 1 is this one
    """
    return f"{street} {week}"


SIGNATURE = """- bin_day(street: string, week?: integer = 1): Next collection day.
  street: its name
  week: 1 is this one"""


@pytest.mark.parametrize("made", [tool(bin_day), tool()(bin_day), tool(timeout=3)(bin_day), as_tool(bin_day)])
def test_a_function_is_shown_with_what_its_docstring_says(made: BaseTool) -> None:
    assert render_signature(tool_spec(made)) == SIGNATURE
    assert made.invoke({"street": "Elm"}) == "Elm 1"


def test_a_name_and_a_description_can_be_given() -> None:
    made = tool("collection", description="When the bins go.")(bin_day)
    assert (made.name, made.description) == ("collection", "When the bins go.")


def test_langchains_decorator_gives_the_same_tool() -> None:
    ours, theirs = tool(bin_day), langchain_tool(parse_docstring=True)(bin_day)
    assert tool_spec(ours) == tool_spec(theirs)
    assert as_tool(theirs) is theirs


def test_options_of_the_policy_are_kept() -> None:
    made = tool(effect="writes", timeout=5, trust="web", approval="never", max_result_tokens=9)(bin_day)
    assert policy_of(made) == Policy(effect="writes", timeout=5, trust="web", approval="never", max_result_tokens=9)


def test_a_pydantic_model_and_a_json_schema_can_stand_for_type_hints() -> None:
    class Where(BaseModel):
        """Where it is."""

        street: str

    schema = {"type": "object", "description": "By street.", "properties": {"street": {"type": "string"}}, "required": ["street"]}

    def look(street):  # type: ignore[no-untyped-def]
        return street

    by_model, by_schema = tool(args_schema=Where)(look), tool(args_schema=schema)(look)
    assert tool_spec(by_model).parameters == tool_spec(by_schema).parameters
    assert (by_model.description, by_schema.description) == ("Where it is.", "By street.")
    assert by_model.invoke({"street": "a"}) == by_schema.invoke({"street": "a"}) == "a"


def test_without_a_docstring_the_name_has_to_do() -> None:
    @tool
    def next_bin_day(street):  # type: ignore[no-untyped-def]
        return street

    assert next_bin_day.description == "next bin day"
    assert tool_spec(next_bin_day).parameters["properties"] == {"street": {}}


async def test_an_async_function_is_an_async_tool() -> None:
    @tool
    async def look(where: str) -> str:
        """Look."""
        return where

    assert isinstance(look, StructuredTool) and look.coroutine is not None
    assert await look.ainvoke({"where": "here"}) == "here"


def test_a_builtin_is_had_by_name() -> None:
    assert as_tool("calculator").invoke({"expression": "6*7"}) == "42"


class Adder:
    """A class is no tool, a method of an object is."""

    def add(self, a: int, b: int) -> int:
        """The sum."""
        return a + b


def test_a_method_is_a_function() -> None:
    assert as_tool(Adder().add).invoke({"a": 1, "b": 2}) == 3


@pytest.mark.parametrize(
    ("thing", "told"),
    [
        (lambda x: x, "'<lambda>' can't be a tool's name"),
        (functools.partial(bin_day, week=2), "has no name: write a function with `def`"),
        (Adder, "is no tool: give a LangChain tool, a function, or the name of a built-in tool"),
        (3, "3 is no tool"),
        ("calculater", "there is no tool 'calculater', did you mean 'calculator'?"),
        ("search_documents", r"pass documents=\[...\] to the agent"),
    ],
)
def test_what_is_no_tool_is_refused_with_what_to_do(thing: Any, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        as_tool(thing)


@pytest.mark.parametrize("name", ["", "two words", "naïve", "a" * 65, "dot.name"])
def test_names_that_endpoints_refuse_are_refused(name: str) -> None:
    with pytest.raises(UsageError, match="can't be a tool's name: use 1 to 64"):
        tool(name)(bin_day)
    made = StructuredTool.from_function(bin_day, name="ok")
    made.name = name
    with pytest.raises(UsageError):
        as_tool(made)


def test_type_hints_that_say_nothing_are_told() -> None:
    def odd(x: "Nowhere") -> str:  # type: ignore[name-defined]  # noqa: F821
        """Odd."""
        return ""

    with pytest.raises(UsageError, match="odd can't be made a tool"):
        tool(odd)


def test_a_bad_schema_is_refused_by_the_tools_name() -> None:
    with pytest.raises(UsageError, match="tool 'bin_day': args_schema is no JSON Schema"):
        tool(args_schema={"type": "nonsense"})(bin_day)
