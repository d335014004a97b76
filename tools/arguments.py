"""Checking a call's arguments before anything runs, with a message that tells the model what to write instead."""

import reprlib
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from agentkit.contract import render_signature
from agentkit.errors import ToolError, UsageError
from agentkit.tools.schema import tool_spec

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool
    from pydantic import BaseModel

__all__ = ["check_schema", "validate_args"]

_SHOWN = 3
"""How many faults a message names; more only cost tokens."""

_repr = reprlib.Repr()  # its settings are arguments only from 3.12 on
_repr.maxstring = _repr.maxother = 80
_repr.maxlist = _repr.maxdict = 6
_repr.maxlevel = 3


def validate_args(tool: "BaseTool", args: Any) -> dict[str, Any]:
    """Check `args` against the tool's schema without running it.

    Arguments that are injected at run time are not asked for. A Pydantic schema accepts what Pydantic accepts ("3" for 3);
    a JSON Schema is taken literally.

    Returns:
        The arguments, unchanged.

    Raises:
        ToolError: An argument is missing, unknown or not allowed; the message says which one, what came, what was allowed,
            and shows the tool's signature.

    >>> from agentkit.tools import tool
    >>> @tool
    ... def bin_day(street: str, week: int = 1) -> str:
    ...     "Next collection day."
    >>> validate_args(bin_day, {"street": "Elm Road"})
    {'street': 'Elm Road'}
    >>> validate_args(bin_day, {"stret": "Elm Road"})
    Traceback (most recent call last):
    agentkit.errors.ToolError: there is no argument 'stret', did you mean 'street'?
    argument 'street' is missing
    - bin_day(street: string, week?: integer = 1): Next collection day.
    """
    if not isinstance(args, Mapping):
        raise ToolError(_message(tool, [f"the arguments came as {_repr.repr(args)}: write a JSON object"]))
    values = dict(args)
    faults = list(_json_faults(tool.args_schema, values) if isinstance(tool.args_schema, dict) else _model_faults(tool, values))
    if faults:
        raise ToolError(_message(tool, faults))
    return values


def check_schema(schema: Mapping[str, Any]) -> None:
    """Refuse a dict that is no JSON Schema of an object.

    Raises:
        UsageError: It is not one, or it points outside itself.
    """
    from jsonschema import SchemaError
    from jsonschema.validators import validator_for

    try:
        validator_for(schema, default=_draft()).check_schema(dict(schema))
    except SchemaError as error:
        raise UsageError(f"args_schema is no JSON Schema: {error.message}") from None
    if schema.get("type", "object") != "object":
        raise UsageError(f"args_schema has type {schema['type']!r}: arguments are an object, write {{'type': 'object', 'properties': ...}}")


def _message(tool: "BaseTool", faults: Sequence[str]) -> str:
    more = [f"and {len(faults) - _SHOWN} more faults"] if len(faults) > _SHOWN else []
    return "\n".join([*faults[:_SHOWN], *more, render_signature(tool_spec(tool))])


def _unknown(name: str, allowed: Sequence[str]) -> str:
    near = get_close_matches(name, allowed, n=1)
    return f"there is no argument {name!r}" + (f", did you mean {near[0]!r}?" if near else "")


def _fault(path: Sequence[Any], value: Any, allowed: str) -> str:
    where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")
    subject = f"argument {where!r} is" if where else "the arguments are"
    return f"{subject} {_repr.repr(value)}: {allowed}"


def _model_faults(tool: "BaseTool", values: dict[str, Any]) -> Iterator[str]:
    """Faults against a Pydantic model, of either major version."""
    model, allowed, open_ended = _model(tool)
    if not open_ended:
        yield from (_unknown(name, allowed) for name in values if name not in allowed)
    try:
        model.model_validate(values) if hasattr(model, "model_validate") else model.parse_obj(values)
    except ValueError as error:  # both versions' ValidationError is one
        found: list[dict[str, Any]] = error.errors() if hasattr(error, "errors") else [{"loc": (), "msg": str(error)}]
        yield from (_model_fault(item, values) for item in found)


def _model(tool: "BaseTool") -> "tuple[type[BaseModel], list[str], bool]":
    """The model to validate with, the names it takes, and whether it takes others as well."""
    full, shown = tool.get_input_schema(), tool.tool_call_schema
    assert not isinstance(shown, dict), "the caller has looked at args_schema"
    injected = set(_fields(full)) != set(_fields(shown))
    model: Any = shown if injected else full
    config = getattr(model, "model_config", {})
    fields = _fields(model)
    aliases = [alias for field in fields.values() for alias in (getattr(field, "alias", None), getattr(field, "validation_alias", None))]
    allowed = [*fields, *(alias for alias in aliases if isinstance(alias, str))]
    return model, allowed, "kwargs" in fields or config.get("extra") == "allow"


def _fields(model: Any) -> Mapping[str, Any]:
    fields: Mapping[str, Any] = model.model_fields if hasattr(model, "model_fields") else model.__fields__
    return fields


def _model_fault(item: Mapping[str, Any], values: Mapping[str, Any]) -> str:
    path = item["loc"]
    if item.get("type") in ("missing", "value_error.missing"):
        return f"argument {'.'.join(map(str, path))!r} is missing"
    return _fault(path, _at(values, path), str(item["msg"]).removeprefix("Value error, "))


def _at(values: Any, path: Sequence[Any]) -> Any:
    """What stands at a path; as far as it leads, since a union's path names types as well."""
    for part in path:
        try:
            values = values[part]
        except (KeyError, IndexError, TypeError):
            break
    return values


def _json_faults(schema: Mapping[str, Any], values: dict[str, Any]) -> Iterator[str]:
    from jsonschema.validators import validator_for
    from referencing import Registry
    from referencing.exceptions import Unresolvable

    # an empty registry: nothing is ever fetched to resolve a reference
    validator = validator_for(schema, default=_draft())(schema, registry=Registry())
    try:
        for error in sorted(validator.iter_errors(values), key=lambda found: [str(part) for part in found.absolute_path]):
            yield from _json_fault(error, schema)
    except Unresolvable as error:
        raise UsageError(f"args_schema points to {error.ref!r}, which it does not hold") from None


def _json_fault(error: Any, schema: Mapping[str, Any]) -> Iterator[str]:
    path = list(error.absolute_path)
    if error.validator == "required":
        missing = [name for name in error.validator_value if name not in error.instance]
        prefix = "".join(f"{part}." for part in path)
        yield from (f"argument {prefix + name!r} is missing" for name in missing if error.message.startswith(repr(name)))
    elif error.validator == "additionalProperties" and not path:
        known = list(schema.get("properties", {}))
        yield from (_unknown(name, known) for name in error.instance if name not in known)
    else:
        yield _fault(path, error.instance, _allowed(error))


def _allowed(error: Any) -> str:
    """What was allowed, in the words of the keyword that was broken."""
    value = error.validator_value
    if error.validator == "type":
        return f"should be {' or '.join(value) if isinstance(value, list) else value}"
    if error.validator in ("enum", "const"):
        return "should be " + " or ".join(map(repr, value if error.validator == "enum" else [value]))
    message = str(error.message)
    return message if len(message) <= 200 else f"breaks {error.validator}: {_repr.repr(value)}"


def _draft() -> Any:
    from jsonschema import Draft202012Validator

    return Draft202012Validator
