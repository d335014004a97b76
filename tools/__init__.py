"""Tools: made by `tool`, kept in a `Registry`, called under a `Policy`. `registry` holds the built-in ones.

>>> from agentkit.tools import registry
>>> registry.get("calculator").invoke({"expression": "(27 - 81) * 4 + 9"})
'-207'
"""

from typing import TYPE_CHECKING, Any

from agentkit.tools.policy import Policy

if TYPE_CHECKING:
    from agentkit.tools.arguments import validate_args
    from agentkit.tools.decorator import as_tool, tool
    from agentkit.tools.schema import tool_spec
    from agentkit.tools.toolbox import Registry

    registry: Registry

__all__ = ["Policy", "Registry", "as_tool", "registry", "tool", "tool_spec", "validate_args"]

_HOMES = {"Registry": "toolbox", "as_tool": "decorator", "tool": "decorator", "tool_spec": "schema", "validate_args": "arguments"}


def __getattr__(name: str) -> Any:
    """Load what is asked for: LangChain's tools take a moment to import, and the registry is made once."""
    import importlib

    if name == "registry":
        value: Any = importlib.import_module("agentkit.tools.catalog").default_registry()
    elif name in _HOMES:
        value = getattr(importlib.import_module(f"agentkit.tools.{_HOMES[name]}"), name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value
