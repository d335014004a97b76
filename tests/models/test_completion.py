"""Short ways to finish what a grammar has begun."""

from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings

from agentkit.models.completion import cheapest_completion, finishes, remainder
from agentkit.models.decoding import compile_grammar
from agentkit.models.dialect import PlainDialect
from agentkit.models.steps import read_arguments
from agentkit.models.turn import call_costs, shortest_call
from agentkit.models.weights import Weights
from tests.models.schemas import tool_sets
from tests.models.walking import spec


def behind(weights: Weights, dialect: PlainDialect, schema: dict[str, Any], begun: str) -> Any:
    """A matcher behind the beginning of a call of `t` with one argument `v`."""
    tool = spec("t", {"type": "object", "properties": {"v": schema}, "required": ["v"]})
    matcher = compile_grammar(weights, dialect.grammar([tool], choice="any", passages={}, thought=False))
    assert matcher.consume_tokens(weights.tokenize(f'Call: t {{"v": {begun}'))
    return matcher


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(tools=tool_sets())
def test_a_shortest_call_is_found_for_ordinary_schemas_and_is_valid(weights: Weights, dialect: PlainDialect, tools: list[Any]) -> None:
    for tool in tools:
        found = shortest_call(weights, dialect, tool)
        assert found is not None
        text, cost = found
        args = read_arguments(text.removeprefix(f"Call: {tool.name} "))
        jsonschema.validate(args, tool.parameters, cls=jsonschema.Draft202012Validator)
        assert cost <= len(weights.tokenize(text))


@pytest.mark.parametrize(
    ("schema", "begun", "rest"),
    [
        ({"type": "string"}, "", '""}'),
        ({"type": "string"}, '"abc', '"}'),
        ({"type": "array", "items": {"type": "array", "items": {"type": "integer"}}}, "[[1, 2], [", "]]}"),
        ({"enum": ["long name", "short"]}, '"lo', 'ng name"}'),
        ({"type": "string", "pattern": r"^[a-z]+@[a-z]+\.com$"}, '"jo', '@a.com"}'),
        ({"anyOf": [{"type": "object", "properties": {"k": {"type": "string"}}, "required": ["k"]}, {"type": "null"}]}, "", "null}"),
        ({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}, "0.", "1}"),
    ],
)
def test_what_is_open_is_closed(weights: Weights, dialect: PlainDialect, schema: dict[str, Any], begun: str, rest: str) -> None:
    matcher = behind(weights, dialect, schema, begun)
    completion = cheapest_completion(matcher, weights)
    assert completion is not None
    assert finishes(matcher, completion)
    assert len(completion) <= len(weights.tokenize(rest)) + 4


def test_given_texts_go_first(weights: Weights, dialect: PlainDialect) -> None:
    matcher = behind(weights, dialect, {"type": "string"}, "")
    completion = cheapest_completion(matcher, weights, ['"given"}', "no way"])
    assert completion == weights.tokenize('"given"}')


def test_what_is_left_of_a_known_completion_is_used_again(weights: Weights, dialect: PlainDialect) -> None:
    matcher = behind(weights, dialect, {"type": "string"}, '"ab')
    known = weights.tokenize('"}')
    assert remainder(matcher, weights, known, weights.tokenize("b")) == known
    assert remainder(matcher, weights, [5, 6, *known], [5, 6]) == known
    assert remainder(matcher, weights, weights.tokenize('xyz"}'), weights.tokenize("ab")) is not None


def test_nothing_is_found_where_the_search_would_not_end(weights: Weights, dialect: PlainDialect) -> None:
    tool = spec("t", {"type": "object", "properties": {"v": {"type": "string", "minLength": 5000}}, "required": ["v"]})
    assert shortest_call(weights, dialect, tool) is None
    assert call_costs(weights, dialect, [tool]) == {}
