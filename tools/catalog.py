"""The built-in tools: made when they are first asked for, so that a missing extra stops nothing else."""

from typing import TYPE_CHECKING

from agentkit.contract import ToolSpec
from agentkit.errors import AgentkitError
from agentkit.tools.schema import tool_spec
from agentkit.tools.toolbox import Registry

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool

__all__ = ["DEFAULT_TOOLS", "builtin_spec", "default_registry"]

DEFAULT_TOOLS = ("calculator", "python")
"""What an agent has where `tools` is not given. `web_search` is offered only where it is named."""


def default_registry() -> Registry:
    """A registry of the built-in tools.

    >>> default_registry().names()
    ('calculator', 'python', 'web_search')
    """
    registry = Registry()
    registry.register_lazily("calculator", _calculator)
    registry.register_lazily("python", _python)
    registry.register_lazily("web_search", _web_search)
    return registry


def builtin_spec(name: str) -> ToolSpec | None:
    """A built-in tool as a model is shown it; `None` for another name, and where the tool can't be made here.

    >>> builtin_spec("calculator").name, builtin_spec("mine")
    ('calculator', None)
    """
    from agentkit.tools.retriever import search_documents_tool

    if name == "search_documents":
        return tool_spec(search_documents_tool(None))  # type: ignore[arg-type]  # what it searches is not shown
    registry = default_registry()
    try:
        return tool_spec(registry.get(name)) if name in registry else None
    except (AgentkitError, ImportError):
        return None


def _calculator() -> "BaseTool":
    from agentkit.tools.calculator import make_calculator

    return make_calculator()


def _python() -> "BaseTool":
    from agentkit.tools.python import make_python

    return make_python()


def _web_search() -> "BaseTool":
    from agentkit.tools.web_search import make_web_search

    return make_web_search()
