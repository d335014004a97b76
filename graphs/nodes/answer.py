"""The end of a question: the draft joins the conversation."""

import time
from collections.abc import Sequence

from langchain_core.messages import AnyMessage, ToolMessage
from langgraph.runtime import Runtime

from agentkit import prompts
from agentkit.answer import Passage
from agentkit.contract import render_repeated, write_citation
from agentkit.graphs.parts import Node, RunContext
from agentkit.state import State, current_turn, text_of

__all__ = ["answer_node", "from_what_was_seen"]

GIST = 300
"""Characters of an observation that stand in for an answer that could not be written any more."""


def answer_node() -> Node:
    """Make the node."""

    async def answer(state: State, *, runtime: Runtime[RunContext]) -> State:
        turn = state["turn"]
        draft = turn["draft"]
        assert draft is not None
        return State(messages=[draft], turn={"usage": {**turn["usage"], "seconds": time.monotonic() - turn["started"]}})

    return answer


def from_what_was_seen(messages: Sequence[AnyMessage]) -> str:
    """An answer without the model: the last thing that was observed in this turn, cited where it is a passage."""
    unfinished = prompts.load("unfinished")
    for message in reversed(current_turn(messages)):
        if not isinstance(message, ToolMessage) or message.status == "error" or text_of(message) == render_repeated(message.name or ""):
            continue
        passages: list[Passage] = (message.artifact or {}).get("passages") or []
        if passages:
            gist = passages[0]["text"][:GIST]
            return f"{unfinished} {gist} {write_citation(passages[0]['n'], gist)}"
        return f"{unfinished} {text_of(message)[:GIST].strip()}"
    return unfinished
