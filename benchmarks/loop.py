"""The loop itself: an agent with an instant model and three tool calls, against a bare LangGraph of the same shape.

    .venv/bin/python benchmarks/loop.py [--runs 200] [--cpu]

Both run 4 reason, 3 act, 3 observe, 1 critique and 1 answer with the same model and the same tool. The bare graph does
nothing beside that: no budgets, no validation of arguments, no guard, no cutting, no checks of the draft. Wanted: at most
1.3 times its time, checkpoints apart. What SQLite costs is reported for each durability.
"""

import argparse
import asyncio
import operator
import os
import tempfile
import time
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, TypedDict

from langchain_core.messages import AIMessage, AnyMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage, message_chunk_to_message
from langchain_core.tools import tool
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.types import Durability, Send
from timing import header, median, paired, ratio, spread, table, verdict

from agentkit import Agent
from agentkit.contract import render_system
from agentkit.testing import ScriptedModel

CALLS = 3
QUESTION = "How deep are the three lakes?"
WANTED = 1.3


@tool
def depth(lake: int) -> str:
    """How deep a lake is."""
    return f"Lake {lake} is {10 * lake} metres deep."


def script(messages: list[BaseMessage]) -> Any:
    """Three calls, one after the other, then the answer."""
    made = sum(isinstance(message, ToolMessage) for message in messages)
    return {"name": "depth", "args": {"lake": made + 1}, "id": f"call{made}"} if made < CALLS else "10, 20 and 30 metres."


class BareState(TypedDict, total=False):
    """The channels of the bare graph."""

    messages: Annotated[list[AnyMessage], add_messages]
    results: Annotated[list[ToolMessage], operator.add]
    draft: AIMessage


def bare_graph(checkpointer: BaseCheckpointSaver[str] | None = None, *, streams: bool = False) -> Any:
    """The same nodes and edges, each doing the least that works; with `streams` the model's message comes in pieces."""
    model = ScriptedModel(script).bind_tools([depth])
    system = SystemMessage(render_system())

    async def ask(messages: list[AnyMessage]) -> AIMessage:
        if not streams:
            return await model.ainvoke(messages)
        whole: Any = None
        async for piece in model.astream(messages):
            whole = piece if whole is None else whole + piece
        return message_chunk_to_message(whole)  # type: ignore[return-value]

    async def reason(state: BareState) -> BareState:
        message = await ask([system, *state["messages"]])
        return {"messages": [message]} if message.tool_calls else {"draft": message}

    async def act(state: Any) -> BareState:
        return {"results": [await depth.ainvoke(state)]}

    async def observe(state: BareState) -> BareState:
        return {"messages": [state["results"][-1]]}

    async def critique(state: BareState) -> BareState:
        return {"draft": state["draft"]}

    async def answer(state: BareState) -> BareState:
        return {"messages": [state["draft"]]}

    def route(state: BareState) -> Any:
        message = state["messages"][-1]
        calls = message.tool_calls if isinstance(message, AIMessage) else []
        return [Send("act", call) for call in calls] or "critique"

    graph = StateGraph(BareState)
    for name, node in (("reason", reason), ("act", act), ("observe", observe), ("critique", critique), ("answer", answer)):
        graph.add_node(name, node)
    graph.add_conditional_edges("reason", route, ["act", "critique"])
    for start, end in ((START, "reason"), ("act", "observe"), ("observe", "reason"), ("critique", "answer"), ("answer", END)):
        graph.add_edge(start, end)
    return graph.compile(checkpointer=checkpointer)


def on(loop: asyncio.AbstractEventLoop, make: Callable[[], Awaitable[Any]]) -> Callable[[], Any]:
    """A coroutine as a function that runs it on a loop."""
    return lambda: loop.run_until_complete(make())


def without_checkpoints(loop: asyncio.AbstractEventLoop, runs: int, clock: Callable[[], float]) -> None:
    """The agent and its graph against the bare graph."""
    agent, bare, streaming = Agent(ScriptedModel(script), tools=[depth]), bare_graph(), bare_graph(streams=True)
    agent.ask(QUESTION)

    def variant(graph: Any) -> Callable[[], Any]:
        return on(loop, lambda: graph.ainvoke({"messages": [HumanMessage(QUESTION)]}))

    seconds = paired(
        {
            "bare LangGraph": variant(bare),
            "bare LangGraph, streaming": variant(streaming),
            "agent.graph.ainvoke": variant(agent.graph),
            "agent.ask": lambda: agent.ask(QUESTION),
        },
        runs=runs,
        warm=5,
        clock=clock,
    )
    base = seconds["bare LangGraph"]
    table(
        ["without checkpoints", "median ms", "quartiles", "times bare"],
        [[name, f"{median(taken):.1f}", spread(taken), f"{ratio(taken, base):.2f}"] for name, taken in seconds.items()],
    )
    print(verdict("the loop itself, times bare", ratio(seconds["agent.graph.ainvoke"], base), WANTED), "\n")


def with_sqlite(loop: asyncio.AbstractEventLoop, runs: int) -> None:
    """What a thread in SQLite costs, for the bare graph and for the agent's, with each durability."""
    from agentkit.threads import open_saver

    agent = Agent(ScriptedModel(script), tools=[depth])
    agent.ask(QUESTION)
    numbers = iter(range(10**9))

    async def run(build: Callable[[Any], Any], durability: Durability) -> None:
        async with open_saver() as saver:
            config = {"configurable": {"thread_id": f"run-{next(numbers)}"}}
            await build(saver).ainvoke({"messages": [HumanMessage(QUESTION)]}, config, durability=durability)

    def variant(build: Callable[[Any], Any], durability: Durability) -> Callable[[], Any]:
        return on(loop, lambda: run(build, durability))

    kinds: tuple[Durability, ...] = ("exit", "async", "sync")
    variants = {
        **{str(kind): variant(agent._build, kind) for kind in kinds},
        **{f"bare {kind}": variant(bare_graph, kind) for kind in kinds},
        "ask(thread=...)": lambda: agent.ask(QUESTION, thread=f"thread-{next(numbers)}"),
    }
    seconds = paired(variants, runs=runs)
    table(
        ["SQLite, WAL, NORMAL", "median ms", "quartiles", "bare ms", "times bare"],
        [
            [f"durability {kind}", f"{median(seconds[kind]):.1f}", spread(seconds[kind]), f"{median(seconds[f'bare {kind}']):.1f}",
             f"{ratio(seconds[kind], seconds[f'bare {kind}']):.2f}"]
            for kind in kinds
        ],
    )  # fmt: skip
    whole = seconds["ask(thread=...)"]
    print(f"agent.ask(thread=...), its own choice of durability: {median(whole):.1f} ms ({spread(whole)})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=200, help="runs of each variant")
    parser.add_argument("--cpu", action="store_true", help="count processor time, for a busy machine; without SQLite")
    given = parser.parse_args()
    runs = given.runs
    header(f"benchmarks/loop.py --runs {runs}{' --cpu' if given.cpu else ''}")
    loop = asyncio.new_event_loop()
    without_checkpoints(loop, runs, time.process_time if given.cpu else time.perf_counter)
    if given.cpu:
        return
    with tempfile.TemporaryDirectory() as home:
        os.environ["AGENTKIT_HOME"] = home
        with_sqlite(loop, max(5, runs // 4))


if __name__ == "__main__":
    main()
