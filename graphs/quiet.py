"""Runs keep to themselves: nothing is exported by tracing variables that happen to be set."""

import contextlib
import os
from collections.abc import AsyncIterator, Iterator
from typing import Any

from langchain_core.runnables.config import var_child_runnable_config
from langgraph.graph.state import CompiledStateGraph
from langsmith.run_helpers import tracing_context

from agentkit.graphs.parts import RunContext
from agentkit.state import State

__all__ = ["QuietGraph", "apart", "untraced"]


@contextlib.contextmanager
def untraced() -> Iterator[None]:
    """LANGSMITH and LANGCHAIN variables that are inherited have no effect, unless `AGENTKIT_TRACING=1` lets them."""
    wanted = os.environ.get("AGENTKIT_TRACING", "").lower() in ("1", "true", "yes")
    with tracing_context(enabled=None if wanted else False):
        yield


@contextlib.contextmanager
def apart() -> Iterator[None]:
    """Untraced, and no part of a graph that happens to call it: no stream, checkpointer or callback is inherited."""
    token = var_child_runnable_config.set(None)
    try:
        with untraced():
            yield
    finally:
        with contextlib.suppress(ValueError):  # an abandoned generator is closed in another context
            var_child_runnable_config.reset(token)


class QuietGraph(CompiledStateGraph[State, RunContext, State, State]):
    """A compiled graph whose runs are untraced. `ainvoke` goes through `astream`, so this is the one place."""

    async def astream(self, *args: Any, **options: Any) -> AsyncIterator[Any]:
        """LangGraph's own `astream`."""
        with untraced():
            async for item in super().astream(*args, **options):
                yield item
