"""The agent's graph.

```
question -> reason
   +------------------------------------------+
   v                                          |
 reason --tool calls--> act --raw results--> observe
   |                  (one a call)   (in order, cut, numbered, counted)
   +--nothing usable--> reason (an answer is forced)
   |
   +--draft--> critique --> answer -> END
```

`reason` asks the model through `bind_tools` and gets calls or a draft; `act` is sent one call at a time; `observe`
writes what the model reads of them; `critique` checks the draft; `answer` lets it join the conversation. All nodes are
coroutines.
"""

import functools
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from typing_extensions import TypedDict

from agentkit.graphs.nodes.act import act_node
from agentkit.graphs.nodes.answer import answer_node
from agentkit.graphs.nodes.critique import critique_node
from agentkit.graphs.nodes.observe import observe_node
from agentkit.graphs.nodes.reason import reason_node
from agentkit.graphs.parts import Parts, RunContext
from agentkit.graphs.quiet import QuietGraph
from agentkit.graphs.routing import route_reason
from agentkit.portal import in_thread
from agentkit.settings import Settings, load
from agentkit.state import State, ToolCallTask

__all__ = ["ClientContext", "build_graph", "make_graph"]


def build_graph(
    parts: Parts, *, checkpointer: Any = None, name: str = "agentkit", client: Any = None
) -> CompiledStateGraph[State, RunContext, State, State]:
    """Compile the graph of a model and its tools.

    A run's own context is a `RunContext`, which is nothing that a client could send; `client` is the schema of what it may.
    """
    graph: StateGraph[State, RunContext, State, State] = StateGraph(State, context_schema=client)
    graph.add_node("reason", reason_node(parts))
    graph.add_node("act", act_node(parts), input_schema=ToolCallTask)
    graph.add_node("observe", observe_node(parts))
    graph.add_node("critique", critique_node(parts))
    graph.add_node("answer", answer_node())
    graph.add_edge(START, "reason")
    graph.add_conditional_edges("reason", route_reason(parts), ["act", "critique", "reason"])
    graph.add_edge("act", "observe")
    graph.add_edge("observe", "reason")
    graph.add_edge("critique", "answer")
    graph.add_edge("answer", END)
    compiled = graph.compile(checkpointer=checkpointer, name=name)
    compiled.__class__ = QuietGraph  # compile() names its class itself
    return compiled.with_config(recursion_limit=parts.budget.recursion_limit)


class ClientContext(TypedDict, total=False):
    """What a client of a server may choose for a run, its thread apart."""

    instructions: str
    """The user's own lines for the system prompt."""


async def make_graph(config: RunnableConfig | None = None) -> CompiledStateGraph[State, RunContext, State, State]:
    """The graph that `langgraph dev` serves; the server brings its own checkpointer.

    Model and documents are the server's settings (`AGENTKIT_MODEL`, `AGENTKIT_DOCUMENTS` and the others, or `agentkit.toml`
    in its working folder). A client chooses its thread and, in `config["configurable"]` or in the context of a run, what
    `ClientContext` holds; whatever else it sends there counts for nothing, so that it can't name a model, an address or a file.

    Raises:
        UsageError: the instructions are not a text.
    """
    given = ((config or {}).get("configurable") or {}).get("instructions")
    return await in_thread(lambda: _served("" if given is None else given))


def _served(instructions: str) -> CompiledStateGraph[State, RunContext, State, State]:
    from agentkit.agent import Agent

    model, documents = _shared(load())
    return Agent(model, documents=documents, instructions=instructions)._build(client=ClientContext)


@functools.lru_cache(maxsize=1)
def _shared(values: Settings) -> tuple[Any, Any]:
    """The model and the documents of all graphs of a server: weights and index are opened once, and stay."""
    from agentkit.models import load_model
    from agentkit.retrieval import Knowledge

    return load_model(values.model), Knowledge(*values.documents, home=values.home) if values.documents else ()
