"""A tool as a model is shown it: name, description, and the JSON Schema of its arguments with references inlined."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from agentkit.contract import ToolSpec
from agentkit.errors import UsageError

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool

__all__ = ["inline_references", "tool_spec"]

_NAMED = ("properties", "patternProperties", "dependentSchemas")
"""Keywords whose keys are names of the user's, not keywords."""

_LEFT_OUT = ("title", "$defs", "definitions")

_LITERAL = ("const", "default", "enum", "examples", "required")
"""Keywords whose value is data, not a schema."""

_DEPTH, _NODES = 40, 20_000
"""Bounds against schemas that grow as they are inlined."""


def tool_spec(tool: "BaseTool") -> ToolSpec:
    """The tool as the contract writes it.

    Raises:
        UsageError: The schema of the arguments points to something that it does not hold, or is nested too deep.

    >>> from agentkit.tools import tool
    >>> @tool
    ... def bin_day(street: str) -> str:
    ...     "Next collection day."
    >>> tool_spec(bin_day).parameters["properties"]
    {'street': {'type': 'string'}}
    """
    from langchain_core.utils.pydantic import model_json_schema

    shown = tool.tool_call_schema
    schema = shown if isinstance(shown, dict) else model_json_schema(shown)
    try:
        parameters = inline_references(schema)
    except UsageError as error:
        raise UsageError(f"tool {tool.name!r}: {error}") from None
    parameters.pop("description", None)
    return ToolSpec(name=tool.name, description=tool.description, parameters={"type": "object", "properties": {}, **parameters})


def inline_references(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Copy a JSON Schema with each `$ref` replaced by what it points to, and without titles.

    A schema that holds itself is cut where it begins again: there only its type is left.

    Raises:
        UsageError: A reference points outside the schema or to nothing, or the schema is nested too deep.

    >>> inline_references({"properties": {"at": {"$ref": "#/$defs/Day"}}, "$defs": {"Day": {"enum": ["Mon", "Tue"]}}})
    {'properties': {'at': {'enum': ['Mon', 'Tue']}}}
    """
    inlined: dict[str, Any] = _Inliner(schema).copy(schema, ())
    return inlined


class _Inliner:
    """Copies the nodes of one schema; `path` holds the references that are being followed."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self.root = root
        self.nodes = 0

    def copy(self, node: Any, path: tuple[str, ...], depth: int = 0) -> Any:
        self.nodes += 1
        if depth > _DEPTH or self.nodes > _NODES:
            raise UsageError(f"the JSON Schema of the arguments is too large (over {_DEPTH} levels or {_NODES:,} nodes): make it smaller")
        if isinstance(node, list):
            return [self.copy(item, path, depth + 1) for item in node]
        if not isinstance(node, Mapping):
            return node
        if isinstance(node.get("$ref"), str):
            return self.follow(node, path, depth)
        return {key: self.child(key, value, path, depth) for key, value in node.items() if key not in _LEFT_OUT}

    def child(self, key: str, value: Any, path: tuple[str, ...], depth: int) -> Any:
        if key in _LITERAL:
            return value
        if key in _NAMED and isinstance(value, Mapping):
            return {name: self.copy(item, path, depth + 1) for name, item in value.items()}
        return self.copy(value, path, depth + 1)

    def follow(self, node: Mapping[str, Any], path: tuple[str, ...], depth: int) -> Any:
        reference = node["$ref"]
        target = _resolve(reference, self.root)
        if not isinstance(target, Mapping):
            return target
        if reference in path:
            return {"type": target["type"]} if "type" in target else {}
        beside = {key: value for key, value in node.items() if key != "$ref"}
        return self.copy({**target, **beside}, (*path, reference), depth + 1)


def _resolve(reference: str, root: Mapping[str, Any]) -> Any:
    """What a reference within the schema points to, e.g. `#/$defs/Day`."""
    if not reference.startswith("#"):
        raise UsageError(f"the JSON Schema of the arguments points to {reference!r}: only references within it (#/...) are followed")
    target: Any = root
    for part in reference.lstrip("#").split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(target, list) and key.isdigit() and int(key) < len(target):
            target = target[int(key)]
        elif isinstance(target, Mapping) and key in target:
            target = target[key]
        else:
            raise UsageError(f"the JSON Schema of the arguments points to {reference!r}, which it does not hold")
    return target
