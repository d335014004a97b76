"""How a tool's arguments are shown: one schema without references."""

from enum import Enum
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.tools import StructuredTool
from pydantic import BaseModel, Field

from agentkit.contract import render_signature
from agentkit.errors import UsageError
from agentkit.tools import tool, tool_spec
from agentkit.tools.schema import inline_references


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Paint(BaseModel):
    """A pot of paint."""

    colour: Colour
    litres: float = Field(default=1.0, description="how much")


def has_reference(node: Any) -> bool:
    if isinstance(node, dict):
        return "$ref" in node or any(has_reference(value) for value in node.values())
    return isinstance(node, list) and any(map(has_reference, node))


def test_a_function_with_type_hints() -> None:
    @tool
    def mix(pots: list[Paint], name: Annotated[str, "what to call it"], dry: bool = False) -> str:
        """Mix paints."""
        return name

    spec = tool_spec(mix)
    assert not has_reference(spec.parameters)
    assert spec.parameters["properties"]["pots"]["items"]["properties"]["colour"] == {"enum": ["red", "blue"], "type": "string"}
    assert render_signature(spec) == (
        '- mix(pots: ({colour: "red"|"blue", litres?: number = 1.0})[], name: string, dry?: boolean = false): Mix paints.\n'
        "  name: what to call it"
    )


def test_a_pydantic_model_as_schema() -> None:
    made = StructuredTool.from_function(lambda **values: str(values), name="paint", description="Paint it.", args_schema=Paint)
    assert tool_spec(made).parameters == {
        "type": "object",
        "properties": {
            "colour": {"enum": ["red", "blue"], "type": "string"},
            "litres": {"default": 1.0, "description": "how much", "type": "number"},
        },
        "required": ["colour"],
    }


def test_a_json_schema_as_schema_keeps_a_property_named_title() -> None:
    schema = {"title": "Book", "type": "object", "properties": {"title": {"title": "Title", "type": "string"}}, "required": ["title"]}
    made = StructuredTool.from_function(lambda title: title, name="find_book", description="Find a book.", args_schema=schema)
    assert tool_spec(made).parameters == {"type": "object", "properties": {"title": {"type": "string"}}, "required": ["title"]}


def test_a_tool_without_arguments_has_an_empty_object() -> None:
    @tool
    def now() -> str:
        """The time."""
        return "12:00"

    assert tool_spec(now).parameters == {"type": "object", "properties": {}}


def test_arguments_injected_at_run_time_are_not_shown() -> None:
    from langchain_core.tools import InjectedToolArg

    @tool
    def note(text: str, user: Annotated[str, InjectedToolArg]) -> str:
        """Note it."""
        return text + user

    assert list(tool_spec(note).parameters["properties"]) == ["text"]


def test_what_stands_beside_a_reference_wins() -> None:
    schema = {
        "properties": {"day": {"$ref": "#/$defs/Day", "description": "when"}},
        "$defs": {"Day": {"type": "string", "description": "a day"}},
    }
    assert inline_references(schema) == {"properties": {"day": {"type": "string", "description": "when"}}}


def test_a_schema_that_holds_itself_is_cut_where_it_begins_again() -> None:
    schema = {
        "properties": {"tree": {"$ref": "#/$defs/Node"}},
        "$defs": {"Node": {"type": "object", "properties": {"child": {"$ref": "#/$defs/Node"}, "any": {"$ref": "#"}}}},
    }
    node = inline_references(schema)["properties"]["tree"]
    assert node["properties"]["child"] == {"type": "object"}
    assert not has_reference(inline_references(schema))


def test_paths_with_escapes_and_list_places_are_followed() -> None:
    schema = {"properties": {"a": {"$ref": "#/x~1y/~0/1"}}, "x/y": {"~": [{"type": "string"}, {"type": "integer"}]}}
    assert inline_references(schema)["properties"] == {"a": {"type": "integer"}}


@pytest.mark.parametrize(
    ("reference", "told"),
    [("#/$defs/Missing", "does not hold"), ("http://example.com/schema", "only references within it"), ("#/$defs/0", "does not hold")],
)
def test_a_reference_that_leads_nowhere_is_refused(reference: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        inline_references({"properties": {"a": {"$ref": reference}}})


def test_a_schema_that_doubles_as_it_is_inlined_is_refused() -> None:
    levels = {f"L{n}": {"properties": {side: {"$ref": f"#/$defs/L{n + 1}"} for side in "ab"}} for n in range(30)}
    with pytest.raises(UsageError, match="too large"):
        inline_references({"properties": {"a": {"$ref": "#/$defs/L0"}}, "$defs": {**levels, "L30": {"type": "string"}}})


def test_the_error_names_the_tool() -> None:
    made = StructuredTool.from_function(
        lambda a: a, name="broken", description="-", args_schema={"type": "object", "properties": {"a": {"$ref": "#/no"}}}
    )
    with pytest.raises(UsageError, match="tool 'broken'"):
        tool_spec(made)


leaves = st.sampled_from([{"type": "string"}, {"enum": [1, 2]}, {"$ref": "#/$defs/A"}, {"$ref": "#/$defs/B"}, {"const": {"$ref": "#/no"}}])
schemas = st.recursive(
    leaves, lambda inner: st.dictionaries(st.sampled_from("abc"), inner, min_size=1).map(lambda p: {"type": "object", "properties": p})
)


@given(schemas, schemas, schemas)
def test_nothing_is_left_to_follow_and_the_original_stays(root: Any, a: Any, b: Any) -> None:
    schema = {"properties": {"x": root}, "$defs": {"A": a, "B": b}}
    before = repr(schema)
    inlined = inline_references(schema)
    assert "$defs" not in inlined
    assert not has_reference(_without_constants(inlined))
    assert repr(schema) == before


def _without_constants(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: _without_constants(value) for key, value in node.items() if key != "const"}
    return node
