"""Schemas and passages as grammars."""

import json
import warnings
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentkit.errors import SchemaWarning, ToolError, UsageError
from agentkit.models.decoding import compile_grammar
from agentkit.models.dialect import PlainDialect
from agentkit.models.grammar import argument_schema, check_schema, offered, quote_chunks, step_grammar
from agentkit.models.weights import Weights
from tests.models.walking import spec

LOOKUP = spec("lookup", {"type": "object", "properties": {"word": {"type": "string"}}, "required": ["word"]})


def of(schema: Any, name: str = "tried") -> Any:
    return spec(name, {"type": "object", "properties": {"value": schema}, "required": ["value"]})


def allows(weights: Weights, grammar: str, text: str) -> bool:
    tokens = weights.tokenize(text)
    return bool(compile_grammar(weights, grammar).validate_tokens(tokens) == len(tokens))


# ---------------------------------------------------------------- schemas
def test_objects_inside_arguments_take_no_other_properties(weights: Weights, dialect: PlainDialect) -> None:
    tool = of({"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]})
    grammar = dialect.grammar([tool], choice="any", passages={}, thought=False)
    assert allows(weights, grammar, 'Call: tried {"value": {"a": 1}}')
    assert not allows(weights, grammar, 'Call: tried {"value": {"a": 1, "b"')


@pytest.mark.parametrize(
    "open_schema",
    [
        {"type": "object", "properties": {"a": {}}, "required": ["a", "undeclared"]},
        {"type": "object", "properties": {"a": {}}, "minProperties": 2},
        {"allOf": [{"type": "object", "properties": {"a": {}}}, {"type": "object", "properties": {"b": {}}}]},
        {"type": "object", "properties": {"a": {}}, "patternProperties": {"^x": {}}},
        {"type": "object", "properties": {"a": {}}, "additionalProperties": {"type": "integer"}},
    ],
)
def test_objects_that_need_other_properties_stay_open(open_schema: dict[str, Any]) -> None:
    inner = argument_schema(of(open_schema).parameters)["properties"]["value"]
    assert inner.get("additionalProperties", True) is not False
    assert all("additionalProperties" not in part for part in inner.get("allOf", ()))


def test_arguments_may_be_a_choice_between_objects(weights: Weights, dialect: PlainDialect) -> None:
    parts = [{"type": "object", "properties": {name: {"type": "integer"}}, "required": [name]} for name in "ab"]
    grammar = dialect.grammar([spec("either", {"anyOf": parts})], choice="any", passages={}, thought=False)
    assert all(allows(weights, grammar, f'Call: either {{"{name}": 1}}') for name in "ab")
    assert not allows(weights, grammar, "Call: either {}")


def test_a_property_may_be_named_like_a_keyword() -> None:
    schema = argument_schema({"properties": {"properties": {"type": "string"}, "required": {"type": "string"}}, "required": ["properties"]})
    assert schema["properties"] == {"properties": {"type": "string"}, "required": {"type": "string"}}


@pytest.mark.parametrize(
    ("schema", "keyword"),
    [
        ({"not": {"enum": ["a"]}, "type": "string"}, "not"),
        ({"type": "array", "items": {"type": "integer"}, "uniqueItems": True}, "uniqueItems"),
        ({"type": "object", "if": {"required": ["a"]}, "then": {"required": ["b"]}}, "if"),
        ({"type": "array", "contains": {"const": 1}}, "contains"),
        ({"type": "object", "propertyNames": {"pattern": "^a"}}, "propertyNames"),
        ({"type": "string", "format": "binary"}, "binary"),
    ],
)
def test_what_a_grammar_cannot_hold_is_warned_about_once(schema: dict[str, Any], keyword: str) -> None:
    tool = of(schema, name=f"warned_{keyword}")
    with pytest.warns(SchemaWarning, match=f"'warned_{keyword}'.*{keyword}"):
        told = check_schema(tool)
    assert keyword in told[0]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert check_schema(tool) == told


def test_what_was_only_warned_about_is_validated_when_the_call_is_made() -> None:
    from agentkit.tools.decorator import tool
    from agentkit.tools.toolbox import Registry

    schema = {
        "type": "object",
        "properties": {"ids": {"type": "array", "items": {"type": "integer"}, "uniqueItems": True}},
        "required": ["ids"],
    }

    @tool(args_schema=schema)
    def pick(ids: list[int]) -> str:
        """Pick."""
        return str(ids)

    registry = Registry()
    registry.register(pick)
    assert registry.get("pick").invoke({"ids": [1, 2]}) == "[1, 2]"
    with pytest.raises(ToolError):
        registry.get("pick").invoke({"ids": [1, 1]})


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "pattern": "("},
        {"type": "string", "pattern": "^(?=a)b"},
        {"$ref": "#/$defs/missing"},
        {"type": "integer", "minimum": 5, "maximum": 3},
        False,
        {"enum": []},
    ],
)
def test_a_schema_that_does_not_compile_is_refused_with_the_name_of_the_tool(schema: Any) -> None:
    with pytest.raises(UsageError, match=r"tool 'broken' has a schema that cannot become a grammar: \S") as caught:
        check_schema(of(schema, name="broken"))
    assert "x-guidance" not in str(caught.value)


@pytest.mark.parametrize("name", ["two words", 'quo"te', "back\\slash", "line\nbreak", ""])
def test_a_name_that_cannot_be_written_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="a tool is named"):
        check_schema(spec(name, {}))


def test_recursive_schemas_compile(weights: Weights, dialect: PlainDialect) -> None:
    node = {"type": "object", "properties": {"next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]}}, "required": ["next"]}
    tool = spec("chain", {"type": "object", "properties": {"of": {"$ref": "#/$defs/node"}}, "required": ["of"], "$defs": {"node": node}})
    grammar = dialect.grammar([tool], choice="any", passages={}, thought=False)
    assert allows(weights, grammar, 'Call: chain {"of": {"next": {"next": {"next": null}}}}')


# ---------------------------------------------------------------- choices
def test_a_choice_leaves_the_tools_that_it_names() -> None:
    other = spec("other", {})
    assert offered([LOOKUP, other], "auto") == ([LOOKUP, other], True)
    assert offered([LOOKUP, other], "any") == ([LOOKUP, other], False)
    assert offered([LOOKUP, other], "none") == ((), True)
    assert offered([LOOKUP, other], "other") == ([other], False)


@pytest.mark.parametrize(("tools", "choice"), [([], "any"), ([LOOKUP], "absent")])
def test_a_choice_that_leaves_nothing_is_refused(tools: list[Any], choice: str) -> None:
    with pytest.raises(UsageError, match="tool_choice"):
        offered(tools, choice)


def test_a_step_is_a_thought_and_then_calls_or_an_answer(weights: Weights) -> None:
    grammar = step_grammar([LOOKUP, spec("look", {})], max_calls=2)
    two = 'Thought: two words\nCall: lookup {"word": "a"}\nCall: look {}'
    assert allows(weights, grammar, two)
    assert allows(weights, grammar, "Answer: none")
    assert not allows(weights, grammar, f"{two}\n")
    assert not allows(weights, grammar, 'Call: look {"word"')
    assert not allows(weights, grammar, "Call: loo {")
    assert not allows(weights, step_grammar([LOOKUP], choice="any"), "Thought: no")
    assert not allows(weights, step_grammar([LOOKUP], max_calls=1), 'Call: lookup {"word": "a"}\n')


# ---------------------------------------------------------------- answers
@pytest.mark.parametrize("answer", ["[x", " x", "\nx", "\u00a0x", "\x1cx", "\x00x", "\x1b[0m"])
def test_an_answer_does_not_begin_with_what_is_not_seen(weights: Weights, answer: str) -> None:
    assert not allows(weights, step_grammar([], choice="none"), f"Answer: {answer}")


def test_brackets_and_numbers_are_free_but_for_quotes(weights: Weights) -> None:
    grammar = step_grammar([], choice="none", passages={7: "Beds: 36"})
    for text in ("a [7] b", "a [x] [ ] [", "a [7: b]", 'a [12345: "b"]', 'a [7: "Beds: 36"] and "so" on', "a [7:]"):
        assert allows(weights, grammar, f"Answer: {text}"), text
    for text in ('a [8: "Beds', 'a [7: "beds', 'a [7: "ds: 36"', 'a [7: "36"', 'a [7: ""'):
        assert not allows(weights, grammar, f"Answer: {text}"), text


def test_without_passages_nothing_is_quoted(weights: Weights) -> None:
    assert not allows(weights, step_grammar([], choice="none"), 'Answer: a [1: "')


def test_a_passage_too_short_to_quote_has_no_rule(weights: Weights) -> None:
    assert not allows(weights, step_grammar([], choice="none", passages={1: "abc", 2: ""}), 'Answer: a [1: "')


@given(st.text())
def test_chunks_are_the_passage_as_json_writes_it(passage: str) -> None:
    assert json.loads(f'"{"".join(quote_chunks(passage))}"') == passage


def test_chunks_are_small_where_words_are_not_spaced_or_very_long() -> None:
    assert quote_chunks("水のABC") == ["水", "の", "ABC"]
    assert [len(chunk) for chunk in quote_chunks("f" * 70)] == [32, 32, 6]
    assert quote_chunks("a\ud800b") == ["a", "\\ud800", "b"]
