"""The agent: a model, tools, documents, and the graph that ties them together."""

import threading
import uuid
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any, Literal

from agentkit import portal
from agentkit.answer import Answer, Done, Event
from agentkit.budget import Budget
from agentkit.errors import UsageError

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.tools import BaseTool

    from agentkit.graphs.parts import Parts
    from agentkit.retrieval import Knowledge
    from agentkit.run import Graph, Run
    from agentkit.tools.toolbox import Registry

__all__ = ["Agent"]

DEFAULT_BUDGET = Budget()
DEFAULT_TOOLS = ("calculator", "python")
Document = str | PathLike[str]


class Agent:
    """An agent that answers from documents and acts through tools."""

    def __init__(
        self,
        model: "str | BaseChatModel" = "embedded",
        *,
        instructions: str = "",
        documents: "Document | Sequence[Document] | Knowledge" = (),
        tools: Sequence[Any] | None = None,
        critique: bool | None = None,
        constitution: Document | None = None,
        approval: Literal["marked", "always", "never"] = "marked",
        budget: Budget = DEFAULT_BUDGET,
        name: str | None = None,
    ) -> None:
        self._given_model = model
        self._instructions = instructions
        self._documents = documents
        self._given_tools = tools
        self._critique = critique
        self._constitution = constitution
        self._approval = approval
        self._budget = budget
        self._name = name or "agentkit"
        self._lock = threading.RLock()
        self._registry: Registry | None = None
        self._loaded: BaseChatModel | None = None
        self._parts: Parts | None = None
        self._graph: Graph | None = None

    @property
    def tools(self) -> "Registry":
        """This agent's tools."""
        with self._lock:
            if self._registry is None:
                from agentkit.tools.toolbox import Registry

                self._registry = Registry(DEFAULT_TOOLS if self._given_tools is None else self._given_tools)
            return self._registry

    def _model(self) -> "BaseChatModel":
        with self._lock:
            if self._loaded is None:
                if isinstance(self._given_model, str):
                    from agentkit.models import load_model

                    self._loaded = load_model(self._given_model)
                else:
                    self._loaded = self._given_model
            return self._loaded

    @property
    def _made_of(self) -> "Parts":
        with self._lock:
            if self._parts is None:
                from agentkit.graphs.parts import Parts
                from agentkit.tools.toolbox import tool_spec

                specs = {tool.name: tool_spec(tool) for tool in self.tools.tools()}
                self._parts = Parts(
                    model=self._model, tools=self.tools, instructions=self._instructions, budget=self._budget, specs=specs,
                    critique=self._critique is not False,
                )  # fmt: skip
            return self._parts

    @property
    def graph(self) -> "Graph":
        """The compiled LangGraph, without a checkpointer; asynchronous: `ainvoke`, `astream`."""
        with self._lock:
            if self._graph is None:
                from agentkit.graphs.react import build_graph

                self._graph = build_graph(self._made_of, name=self._name)
            return self._graph

    def ask(self, question: str, *, thread: str | None = None, schema: Any = None, record: Any = None) -> Answer:
        """Answer a question."""
        return portal.run(self._ask(question, thread, schema, record))

    async def aask(self, question: str, *, thread: str | None = None, schema: Any = None, record: Any = None) -> Answer:
        """`ask` for callers with an event loop."""
        return await portal.arun(self._ask(question, thread, schema, record))

    def stream(self, question: str, *, thread: str | None = None, schema: Any = None, record: Any = None) -> Iterator[Event]:
        """What happens while a question is answered, `Done` last."""
        return portal.iterate(self._events(question, thread, schema, record))

    def astream(self, question: str, *, thread: str | None = None, schema: Any = None, record: Any = None) -> AsyncIterator[Event]:
        """`stream` for callers with an event loop."""
        return portal.aiterate(self._events(question, thread, schema, record))

    async def _ask(self, question: str, thread: str | None, schema: Any, record: Any) -> Answer:
        answer: Answer | None = None
        async for event in self._events(question, thread, schema, record):
            if isinstance(event, Done):
                answer = event.answer
        assert answer is not None
        return answer

    async def _events(self, question: str, thread: str | None, schema: Any, record: Any) -> AsyncIterator[Event]:
        from agentkit.graphs.parts import RunContext
        from agentkit.run import Run, asked, quiet

        if not isinstance(question, str) or not question.strip():
            raise UsageError(f"question={question!r}: ask something, in a text that is not empty")
        with quiet():
            run = Run(graph=self.graph, parts=self._made_of, context=RunContext())
            async for event in run.events(asked(question)):
                yield event
