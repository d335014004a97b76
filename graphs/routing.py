"""Where the graph goes next; each router names its ways in its return type."""

from collections.abc import Callable
from typing import Literal

from langchain_core.messages import AIMessage
from langgraph.types import Send

from agentkit.graphs.guard import MOST_CALLS, verdict_on
from agentkit.graphs.parts import Parts
from agentkit.state import State, ToolCallTask

__all__ = ["route_reason"]


def route_reason(parts: Parts) -> Callable[[State], list[Send] | Literal["critique", "reason"]]:
    """Make the router behind `reason`: a `Send` for each call, on to `critique` with a draft, or once more."""

    def after_reason(state: State) -> list[Send] | Literal["critique", "reason"]:
        if state["turn"].get("draft") is not None:
            return "critique"
        asked = state["messages"][-1]
        if isinstance(asked, AIMessage) and asked.tool_calls:
            return [Send("act", task) for task in tasks_of(parts, state, asked)]
        return "reason"

    return after_reason


def tasks_of(parts: Parts, state: State, asked: AIMessage) -> list[ToolCallTask]:
    """The calls of a message, each with what `act` must know about it."""
    effects = {name: parts.tools.policy(name).effect for name in parts.tools.names()}
    unreadable = asked.response_metadata.get("invalid_calls", {})
    budget, turn = parts.budget, state["turn"]
    until = None if budget.seconds is None else turn["started"] + budget.seconds - budget.reserved_seconds
    web = any(item["trust"] == "web" for item in state.get("evidence") or [])
    tasks: list[ToolCallTask] = []
    for index, call in enumerate(asked.tool_calls):
        own = call["id"] or ""
        problem = f"The arguments are not a JSON object: {unreadable[own][:200]!r}." if own in unreadable else None
        if index >= MOST_CALLS:
            problem = f"At most {MOST_CALLS} calls at once are run."
        verdict = verdict_on(call, seen=turn["calls_seen"], withheld=turn["withheld"], effects=effects)
        tasks.append(
            ToolCallTask(
                id=own, name=call["name"], args=call["args"], problem=problem, turn=turn["number"], step=turn["step"], index=index,
                verdict=verdict, until=until, web=web,
            )
        )  # fmt: skip
    return tasks
