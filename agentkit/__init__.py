"""agentkit: agents that answer from documents and act through tools, on a local model or any OpenAI-compatible endpoint.

>>> from agentkit import Agent
>>> from agentkit.testing import ScriptedModel
>>> agent = Agent(ScriptedModel([{"name": "calculator", "args": {"expression": "6 * 7"}}, "It is 42."]))
>>> agent.ask("What is 6 times 7?").text
'It is 42.'
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agentkit.agent import Agent
    from agentkit.answer import Answer, Call, Critique, Done, Event, Observation, Thought, Token
    from agentkit.budget import Budget
    from agentkit.errors import AgentkitError, ModelError, ToolError, UsageError
    from agentkit.replaying import replay
    from agentkit.retrieval import Knowledge
    from agentkit.threads import delete_thread, list_threads
    from agentkit.tools import tool

__all__ = [
    "Agent",
    "AgentkitError",
    "Answer",
    "Budget",
    "Call",
    "Critique",
    "Done",
    "Event",
    "Knowledge",
    "ModelError",
    "Observation",
    "Thought",
    "Token",
    "ToolError",
    "UsageError",
    "delete_thread",
    "list_threads",
    "replay",
    "tool",
]

_HOMES = {
    "agent": ("Agent",),
    "answer": ("Answer", "Call", "Critique", "Done", "Event", "Observation", "Thought", "Token"),
    "budget": ("Budget",),
    "errors": ("AgentkitError", "ModelError", "ToolError", "UsageError"),
    "replaying": ("replay",),
    "retrieval": ("Knowledge",),
    "threads": ("delete_thread", "list_threads"),
    "tools": ("tool",),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Import what is asked for, when it is asked for."""
    import importlib

    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOME_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__]
