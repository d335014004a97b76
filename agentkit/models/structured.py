"""Answers of a given type: asked for as the arguments of one forced call, given back as a value.

A schema may be a Pydantic model, a TypedDict or a JSON Schema. The arguments of a call are an object; a schema of something
else (a list, a choice, a number) is asked for as the property `value` of one, and taken out again.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage
from langchain_core.runnables import Runnable, RunnableLambda
from langchain_core.utils.function_calling import convert_to_json_schema, convert_to_openai_tool
from langchain_core.utils.pydantic import is_basemodel_subclass

from agentkit.errors import ModelError, UsageError

__all__ = ["OutputSchema", "read_schema", "structured_output", "value_reader"]

_ALLOWED = "give a Pydantic model, a TypedDict, or a JSON Schema such as {'type': 'object', 'properties': {...}}"
_SAYING = {"$ref", "type", "enum", "const", "properties", "required", "items", "prefixItems", "anyOf", "oneOf", "allOf", "pattern"}
"""Keywords of which a JSON Schema has at least one."""
_OF_OBJECTS = {"properties", "required", "additionalProperties", "patternProperties", "minProperties", "maxProperties", "propertyNames"}
_VALUE = "value"


@dataclass(frozen=True, kw_only=True)
class OutputSchema:
    """What an answer is to be.

    >>> read_schema({"type": "array", "items": {"type": "integer"}}).parameters["required"]
    ['value']
    """

    name: str
    """The schema's title, without what a tool's name cannot hold."""
    description: str
    schema: Mapping[str, Any]
    """The JSON Schema of the answer."""
    kind: Any = None
    """The Pydantic model that makes the answer; None for plain data."""

    @property
    def wrapped(self) -> bool:
        """Whether the answer is no object, and so stands as `value` in one."""
        return not _is_object(self.schema, self.schema, frozenset())

    @property
    def parameters(self) -> dict[str, Any]:
        """The JSON Schema of the arguments that hold the answer: always an object."""
        if not self.wrapped:
            return dict(self.schema)
        return {"type": "object", "properties": {_VALUE: _moved(self.schema)}, "required": [_VALUE], "additionalProperties": False}

    def tool(self) -> dict[str, Any]:
        """The call that is forced, in OpenAI's form."""
        function = {"name": self.name, "description": self.description, "parameters": self.parameters}
        return {"type": "function", "function": function}

    def titled(self) -> dict[str, Any]:
        """`parameters` with a title and a description, as LangChain's own models want them."""
        return {"title": self.name, "description": self.description, **self.parameters}

    def value(self, args: Mapping[str, Any]) -> Any:
        """The answer that arguments hold.

        Raises:
            ModelError: they are not valid: what the grammar does not hold is checked here.
            pydantic.ValidationError: the Pydantic model refuses them.
        """
        from jsonschema import Draft202012Validator
        from jsonschema.exceptions import best_match
        from referencing import Registry

        value = args.get(_VALUE) if self.wrapped else dict(args)
        if self.kind is not None:
            return self.kind.model_validate(value) if hasattr(self.kind, "model_validate") else self.kind.parse_obj(value)
        # an empty registry: nothing is ever fetched to resolve a reference
        fault = best_match(Draft202012Validator(self.schema, registry=Registry()).iter_errors(value))
        if fault is not None:
            raise ModelError(f"the answer does not fit its schema at {fault.json_path}: {fault.message}")
        return value


def read_schema(schema: Any) -> OutputSchema:
    """Read a Pydantic model, a TypedDict or a JSON Schema.

    Raises:
        UsageError: it is none of them.

    >>> read_schema({"title": "Day plan", "type": "object"}).name
    'Day_plan'
    """
    if isinstance(schema, type) and is_basemodel_subclass(schema):
        kind: Any = schema  # of Pydantic 2, or of its version 1
        made = kind.model_json_schema() if hasattr(kind, "model_json_schema") else kind.schema()
        return _named({"title": schema.__name__, **made}, kind=schema)
    if isinstance(schema, type) and issubclass(schema, dict) and hasattr(schema, "__required_keys__"):
        return _named(convert_to_json_schema(schema))
    if not isinstance(schema, Mapping):
        raise UsageError(f"schema={schema!r}: {_ALLOWED}")
    if "parameters" in schema or "input_schema" in schema or schema.get("type") == "function":
        function = convert_to_openai_tool(dict(schema))["function"]
        about = {"title": function["name"], "description": function.get("description", "")}
        return _named({**about, "type": "object", **(function.get("parameters") or {})})
    if not _SAYING & schema.keys():
        raise UsageError(f"schema={dict(schema)!r} is no JSON Schema, none of its keys says what the answer is: {_ALLOWED}")
    return _named(schema)


def _named(schema: Mapping[str, Any], *, kind: Any = None) -> OutputSchema:
    from jsonschema import Draft202012Validator, SchemaError

    plain = {key: value for key, value in schema.items() if key not in ("title", "description", "$schema", "$id")}
    try:
        json.dumps(plain)
        Draft202012Validator.check_schema(plain)
    except (TypeError, ValueError, SchemaError) as error:
        reason = error.message if isinstance(error, SchemaError) else error
        raise UsageError(f"schema={dict(schema)!r} is no JSON Schema ({reason}): {_ALLOWED}") from error
    name = re.sub(r"[^\w.-]+", "_", str(schema.get("title") or "")).strip("_")[:64]
    return OutputSchema(name=name or "answer", description=str(schema.get("description") or ""), schema=plain, kind=kind)


def _is_object(schema: Any, root: Mapping[str, Any], seen: frozenset[str]) -> bool:
    """Whether all that a schema allows are objects."""
    if not isinstance(schema, Mapping):
        return False
    if "type" in schema:
        return schema["type"] in ("object", ["object"])
    if isinstance(reference := schema.get("$ref"), str):
        return reference not in seen and _is_object(_target(reference, root), root, seen | {reference})
    for choice in ("anyOf", "oneOf"):
        if schema.get(choice):
            return all(_is_object(part, root, seen) for part in schema[choice])
    if any(_is_object(part, root, seen) for part in schema.get("allOf", ())):
        return True
    return bool(_OF_OBJECTS & schema.keys()) and not {"enum", "const"} & schema.keys()


def _target(reference: str, root: Mapping[str, Any]) -> Any:
    """What a reference within a schema points at; None where that is nothing."""
    found: Any = root
    for step in reference.removeprefix("#").split("/")[1:]:
        found = found.get(step.replace("~1", "/").replace("~0", "~")) if isinstance(found, Mapping) else None
    return found if reference.startswith("#") else None


def _moved(schema: Any) -> Any:
    """A schema whose references to its own root fit its new place."""
    if isinstance(schema, Mapping):
        moved = {key: _moved(part) for key, part in schema.items()}
        reference = moved.get("$ref")
        if isinstance(reference, str) and (reference == "#" or reference.startswith("#/")):
            moved["$ref"] = f"#/properties/{_VALUE}{reference[1:]}"
        return moved
    return [_moved(part) for part in schema] if isinstance(schema, list) else schema


def value_reader(output: OutputSchema, *, include_raw: bool) -> Runnable[AIMessage, Any]:
    """What comes behind a model whose one call holds the answer: the answer, or what LangChain gives with `include_raw`."""

    def read(message: AIMessage) -> Any:
        try:
            value, problem = output.value(_arguments(message)), None
        except (ModelError, ValueError) as error:
            if not include_raw:
                raise
            value, problem = None, error
        return {"raw": message, "parsed": value, "parsing_error": problem} if include_raw else value

    return RunnableLambda(read)


def _arguments(message: AIMessage) -> dict[str, Any]:
    if message.tool_calls:
        return message.tool_calls[0]["args"]
    if message.response_metadata.get("finish_reason") == "length":
        raise ModelError("the limit of tokens leaves no room for the shortest answer of this schema: set a larger max_tokens")
    raise ModelError("no answer came")


def structured_output(model: BaseChatModel, schema: Any) -> Runnable[LanguageModelInput, Any]:
    """`with_structured_output(schema, include_raw=True)` of any model.

    Where a model does not say with `takes_any_schema` that it does the same itself, a JSON Schema without a title gets one,
    and an answer that is no object is asked for in one.

    Raises:
        UsageError: no model can answer in this schema.
    """
    output = read_schema(schema)
    own = getattr(model, "takes_any_schema", False) or not (output.wrapped or isinstance(schema, Mapping))
    if own:
        return model.with_structured_output(schema, include_raw=True)

    def taken_out(said: Any) -> dict[str, Any]:
        if said["parsed"] is None:
            return {**said, "parsing_error": said["parsing_error"] or ModelError(f"it said {str(said['raw'].text)[:200]!r}")}
        try:
            return {**said, "parsed": output.value(said["parsed"])}
        except (ModelError, ValueError) as error:
            return {**said, "parsed": None, "parsing_error": error}

    asked: Runnable[LanguageModelInput, Any] = model.with_structured_output(output.titled(), include_raw=True)
    return asked | RunnableLambda(taken_out)
