"""Random tools with random JSON schemas."""

from typing import Any

from hypothesis import strategies as st

from agentkit.contract import ToolSpec
from tests.models.walking import spec

__all__ = ["tool_sets"]

names = st.sampled_from(["a", "day", "max_people", "größe", "x-y", "Query 2", 'q"t', "type", "properties", "$ref"])
UNWRITABLE = range(0x40000, 0xC0000)
"""Planes that Unicode has not assigned, and whose lead bytes F1 and F2 SmolLM2's vocabulary does not hold: no token can write them."""
words = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")).filter(lambda c: ord(c) not in UNWRITABLE), max_size=8)

strings = st.one_of(
    st.just({"type": "string"}),
    st.tuples(st.integers(0, 6), st.integers(0, 30)).map(lambda ends: {"type": "string", "minLength": ends[0], "maxLength": sum(ends)}),
    st.sampled_from(["date", "time", "date-time", "email", "uuid", "ipv4", "uri", "hostname"]).map(
        lambda f: {"type": "string", "format": f}
    ),
    st.sampled_from(["^[a-z]+@[a-z]+\\.com$", "^[A-Z]{2}-\\d{2,5}$", "^(yes|no|perhaps later)$"]).map(
        lambda pattern: {"type": "string", "pattern": pattern}
    ),
)
integers = st.one_of(
    st.just({"type": "integer"}),
    st.tuples(st.integers(-1000, 1000), st.integers(0, 5000)).map(lambda e: {"type": "integer", "minimum": e[0], "maximum": sum(e)}),
    st.integers(-99, 99).map(lambda bound: {"type": "integer", "exclusiveMinimum": bound}),
    st.integers(2, 12).map(lambda factor: {"type": "integer", "multipleOf": factor, "minimum": 0}),
)
numbers = st.one_of(
    st.just({"type": "number"}),
    st.tuples(st.integers(-50, 50), st.integers(1, 90)).map(lambda e: {"type": "number", "minimum": e[0], "exclusiveMaximum": sum(e)}),
)
fixed = st.one_of(
    st.lists(st.one_of(words, st.integers(-9, 9), st.none(), st.booleans()), min_size=1, max_size=5, unique_by=repr).map(
        lambda v: {"enum": v}
    ),
    st.one_of(words, st.integers(), st.just({"k": [1, "two"]})).map(lambda value: {"const": value}),
    st.just({"type": "boolean"}),
    st.just({"type": "null"}),
    st.just({"$ref": "#/$defs/named"}),
    st.just({"$ref": "#/$defs/chain"}),
)


def _arrays(items: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    ends = st.tuples(st.integers(0, 2), st.integers(0, 3))
    return st.one_of(
        items.map(lambda item: {"type": "array", "items": item}),
        st.tuples(items, ends).map(lambda v: {"type": "array", "items": v[0], "minItems": v[1][0], "maxItems": sum(v[1])}),
    )


def _objects(fields: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    def made(properties: dict[str, Any], needed: list[bool]) -> dict[str, Any]:
        required = [name for name, need in zip(properties, needed, strict=False) if need]
        return {"type": "object", "properties": properties, "required": required}

    return st.builds(made, st.dictionaries(names, fields, max_size=4), st.lists(st.booleans(), min_size=4, max_size=4))


def _choices(options: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return st.one_of(
        options.map(lambda option: {"anyOf": [option, {"type": "null"}]}),
        st.lists(options, min_size=2, max_size=3).map(lambda some: {"anyOf": some}),
        st.just({"type": ["string", "integer", "null"]}),
    )


leaves = st.one_of(strings, integers, numbers, fixed)
schemas = st.recursive(leaves, lambda inner: st.one_of(_arrays(inner), _objects(inner), _choices(inner)), max_leaves=6)

DEFINITIONS = {
    "named": {"type": "object", "properties": {"name": {"type": "string"}, "n": {"type": "integer"}}, "required": ["name"]},
    "chain": {"type": "object", "properties": {"next": {"anyOf": [{"$ref": "#/$defs/chain"}, {"type": "null"}]}}, "required": ["next"]},
}


def _tool(name: str, parameters: dict[str, Any]) -> ToolSpec:
    return spec(name, {**parameters, "$defs": DEFINITIONS})


def tool_sets() -> st.SearchStrategy[list[ToolSpec]]:
    """One to three tools."""
    tool_names = st.lists(st.sampled_from(["bin", "bin_day", "search", "a.b", "größe", "Call"]), min_size=1, max_size=3, unique=True)
    return tool_names.flatmap(lambda found: st.tuples(*(st.builds(_tool, st.just(name), _objects(schemas)) for name in found)).map(list))
