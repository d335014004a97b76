"""Making tools: from a function by `@tool`, from anything that can be one by `as_tool`."""

import inspect
import re
from collections.abc import Callable
from typing import Any, Literal, overload

from langchain_core.tools import BaseTool, StructuredTool

from agentkit.errors import UsageError
from agentkit.tools.arguments import check_schema
from agentkit.tools.policy import POLICY_KEY, Approval, Effect, Policy, Trust

__all__ = ["as_tool", "check_name", "tool"]

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")

Function = Callable[..., Any]
Schema = type[Any] | dict[str, Any]


@overload
def tool(function: Function, /) -> BaseTool: ...
@overload
def tool(
    name: str | None = None,
    /,
    *,
    description: str | None = None,
    args_schema: Schema | None = None,
    response_format: Literal["content", "content_and_artifact"] = "content",
    return_direct: bool = False,
    extras: dict[str, Any] | None = None,
    timeout: float = 30.0,
    effect: Effect | None = None,
    trust: Trust = "tool",
    approval: Approval | None = None,
    max_result_tokens: int = 1200,
) -> Callable[[Function], BaseTool]: ...
def tool(
    function: Function | str | None = None,
    /,
    *,
    description: str | None = None,
    args_schema: Schema | None = None,
    response_format: Literal["content", "content_and_artifact"] = "content",
    return_direct: bool = False,
    extras: dict[str, Any] | None = None,
    timeout: float = 30.0,
    effect: Effect | None = None,
    trust: Trust = "tool",
    approval: Approval | None = None,
    max_result_tokens: int = 1200,
) -> BaseTool | Callable[[Function], BaseTool]:
    """Turn a function into a LangChain tool that carries its policy.

    The type hints give the schema, the docstring the description (Google style: what it says of an argument is shown beside it).
    Works bare, with a name, and with options. LangChain's own `@tool` gives a tool that is taken everywhere as well.

    Args:
        function: The function, or the tool's name where it is not the function's.
        description: What the model reads; default: the docstring.
        args_schema: A Pydantic model or a JSON Schema in place of the type hints.
        response_format: `"content_and_artifact"`: the function returns a pair; passages for citation go into the artifact.
        return_direct: LangChain's field of that name.
        extras: LangChain's field of that name.
        timeout: Seconds a call may take.
        effect: What a call changes: `"none"`, `"reads"`, `"writes"`, `"spends"`; `None` is unmarked.
        trust: Who wrote what comes back: `"user"`, `"tool"`, `"web"`.
        approval: `"auto"`, `"ask"`, `"never"`; `None` leaves it to the agent.
        max_result_tokens: How much of a result the model is shown.

    Raises:
        UsageError: The name, a policy field or the schema is not allowed.

    >>> @tool(effect="writes", timeout=5)
    ... def add_note(text: str) -> str:
    ...     '''Add a note.
    ...
    ...     Args:
    ...         text: what it says
    ...     '''
    ...     return "added"
    >>> add_note.invoke({"text": "milk"}), add_note.args["text"]["description"]
    ('added', 'what it says')
    """
    policy = Policy(timeout=timeout, effect=effect, trust=trust, approval=approval, max_result_tokens=max_result_tokens)
    options = {"response_format": response_format, "return_direct": return_direct, "extras": extras}

    def make(function: Function, name: str | None = None) -> BaseTool:
        return _from_function(function, name, description, args_schema, {**options, "metadata": {POLICY_KEY: policy}})

    if function is None:
        return make
    if isinstance(function, str):
        name = function
        return lambda function: make(function, name)
    return make(function)


def as_tool(thing: BaseTool | Function | str) -> BaseTool:
    """Turn a LangChain tool, a function or a built-in's name into a tool.

    Raises:
        UsageError: It is none of these, or its name or schema is not allowed.

    >>> as_tool("calculator").invoke({"expression": "15% of 80"})
    '12'
    """
    if isinstance(thing, BaseTool):
        check_name(thing.name)
        if isinstance(thing.args_schema, dict):
            _check(thing.name, thing.args_schema)
        return thing
    if isinstance(thing, str):
        from agentkit.tools import registry

        return registry.get(thing)
    if callable(thing) and not isinstance(thing, type):
        return _from_function(thing, None, None, None, {})
    raise UsageError(f"{thing!r} is no tool: give a LangChain tool, a function, or the name of a built-in tool")


def check_name(name: str) -> None:
    """Refuse a name that endpoints refuse.

    Raises:
        UsageError: It is not 1 to 64 letters, digits, `_` and `-`.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise UsageError(f"{name!r} can't be a tool's name: use 1 to 64 of the characters a-z, A-Z, 0-9, _ and -")


def _from_function(
    function: Function, name: str | None, description: str | None, schema: Schema | None, options: dict[str, Any]
) -> BaseTool:
    name = getattr(function, "__name__", None) if name is None else name
    if name is None:
        raise UsageError(f"{function!r} has no name: write a function with `def`, or give the name as in @tool('name')")
    check_name(name)
    if isinstance(schema, dict):
        _check(name, schema)
    runs: dict[str, Any] = {"coroutine" if inspect.iscoroutinefunction(function) else "func": function}
    documented = bool(inspect.getdoc(function))
    try:
        return StructuredTool.from_function(
            **runs,
            name=name,
            # a tool without any description is still usable: its name has words
            description=description or (None if documented or schema else name.replace("_", " ").replace("-", " ")),
            args_schema=schema,
            parse_docstring=documented and schema is None,
            error_on_invalid_docstring=False,
            **options,
        )
    except (TypeError, ValueError, NameError) as error:
        raise UsageError(f"{name} can't be made a tool: {error}") from error


def _check(name: str, schema: dict[str, Any]) -> None:
    try:
        check_schema(schema)
    except UsageError as error:
        raise UsageError(f"tool {name!r}: {error}") from None
