"""One run of an agent's graph: from a question, or from a decision on waiting calls, to the answer."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from langchain_core.messages import HumanMessage
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Command

from agentkit.answer import Answer, Done, Event, Token
from agentkit.graphs.parts import Parts, RunContext
from agentkit.state import State, to_answer

__all__ = ["Run", "quiet"]

Graph = CompiledStateGraph[State, RunContext, State, State]


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep a run to itself: no export by inherited tracing variables, no part of a graph that happens to call it."""
    import os

    from langchain_core.runnables.config import var_child_runnable_config
    from langsmith.run_helpers import tracing_context

    token = var_child_runnable_config.set(None)
    exports = os.environ.get("AGENTKIT_TRACING", "").lower() in ("1", "true", "yes")
    try:
        with tracing_context(enabled=None if exports else False):
            yield
    finally:
        with contextlib.suppress(ValueError):  # closed from another context than it was opened in
            var_child_runnable_config.reset(token)


@dataclass
class Run:
    """A run and what is known of it so far."""

    graph: Graph
    parts: Parts
    context: RunContext
    thread: str | None = None
    schema: Any = None
    state: dict[str, Any] = field(default_factory=dict)
    interrupts: list[Any] = field(default_factory=list)
    written: dict[int, str] = field(default_factory=dict)
    """Answer text by step, as it was streamed."""

    async def events(self, given: State | Command[Any]) -> AsyncIterator[Event]:
        """What happens, the answer last.

        Raises:
            ModelError: the model or its endpoint failed.
        """
        try:
            async for event in self._stream(given):
                yield event
            yield Done(step=self._step, answer=await self._answer())
        except asyncio.CancelledError:
            yield Done(step=self._step, answer=self._unfinished("cancelled"))
            raise
        except Exception:
            self._unfinished("error")
            raise

    async def _stream(self, given: State | Command[Any]) -> AsyncIterator[Event]:
        config: dict[str, Any] = {"recursion_limit": self.parts.budget.recursion_limit}
        if self.thread is not None:
            config["configurable"] = {"thread_id": self.thread}
        effects = any(self.parts.tools.policy(name).effect in ("writes", "spends") for name in self.parts.tools.names())
        durability: Any = {"durability": "sync" if effects else "exit"} if self.thread is not None else {}
        stream = self.graph.astream(given, config, context=self.context, stream_mode=["custom", "values"], **durability)  # type: ignore[arg-type]
        async for mode, item in stream:
            if mode == "custom":
                if isinstance(item, Token):
                    self.written[item.step] = self.written.get(item.step, "") + item.text
                yield item
            elif "__interrupt__" in item:
                self.interrupts.extend(item["__interrupt__"])
            else:
                self.state = item

    @property
    def _step(self) -> int:
        return int(self.state.get("step") or 0) + 1

    async def _answer(self) -> Answer:
        pending = [{"id": interrupt.id, "thread": self.thread, **interrupt.value} for interrupt in self.interrupts]
        if pending:
            return to_answer(self.state, stop_reason="needs_approval", pending=pending)
        return to_answer(self.state)

    def _unfinished(self, stop_reason: str) -> Answer:
        """The answer of a run that was cut off: as much of its text as was streamed."""
        draft = self.written.get(self._step, "")
        state: Mapping[str, Any] = {**self.state, "text": self.state.get("text") or draft} if self.state else {}
        return to_answer(state, stop_reason=stop_reason)


def asked(question: str) -> State:
    """The input of the graph for a question."""
    return State(messages=[HumanMessage(question)])


def decided(decisions: Mapping[str, Any], spent: float) -> Command[Any]:
    """The input of the graph for decisions; the clock goes on from what was spent before the pause."""
    return Command(resume=dict(decisions), update={"started": time.monotonic() - spent})
