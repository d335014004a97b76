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

from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph

from agentkit.graphs.nodes.act import act_node
from agentkit.graphs.nodes.answer import answer_node
from agentkit.graphs.nodes.critique import critique_node
from agentkit.graphs.nodes.observe import observe_node
from agentkit.graphs.nodes.reason import reason_node
from agentkit.graphs.parts import Parts, RunContext
from agentkit.graphs.quiet import QuietGraph
from agentkit.graphs.routing import route_reason
from agentkit.state import State, ToolCallTask

__all__ = ["build_graph", "make_graph"]


def build_graph(parts: Parts, *, checkpointer: Any = None, name: str = "agentkit") -> CompiledStateGraph[State, RunContext, State, State]:
    """Compile the graph of a model and its tools."""
    graph = StateGraph(State, context_schema=RunContext)
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


def make_graph(config: RunnableConfig | None = None) -> CompiledStateGraph[State, RunContext, State, State]:
    """The graph of an agent with the settings in force, for `langgraph dev`; the server brings its own checkpointer.

    `config["configurable"]` may hold `model`, `instructions` and `documents` as `Agent` takes them.
    """
    from agentkit.agent import Agent

    given = (config or {}).get("configurable") or {}
    known = {key: given[key] for key in ("model", "instructions", "documents") if given.get(key)}
    return Agent(**known).graph
