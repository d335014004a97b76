"""The agent: a model, tools, documents, and the graph that ties them together."""

import asyncio
import contextlib
import os
import threading
import uuid
import warnings
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from agentkit import portal
from agentkit.answer import Answer, Done, Event
from agentkit.budget import Budget
from agentkit.errors import AgentkitError, DocumentError, DocumentWarning, UsageError

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.tools import BaseTool

    from agentkit.graphs.parts import Parts
    from agentkit.replaying import ReplayTape
    from agentkit.retrieval import Knowledge
    from agentkit.run import Graph, Run
    from agentkit.state import State
    from agentkit.tools.toolbox import Registry

__all__ = ["Agent"]

DEFAULT_BUDGET = Budget()
DEFAULT_TOOLS = ("calculator", "python")
Document = str | os.PathLike[str]


class Agent:
    """An agent that answers from documents and acts through tools.

    Every run happens on one private event loop, whoever asks; agents on the same model and settings share its weights.

    Args:
        model: a URI (`embedded`, `llama-cpp:PATH.gguf`, `openai:NAME`) or any LangChain chat model.
        instructions: your own lines for the system prompt.
        documents: files and folders, or a `Knowledge`; adds the tool `search_documents`. What can't be read of them is left
            out with a `DocumentWarning`.
        tools: exactly these, each a LangChain tool, a function, or a built-in's name; by default calculator and python.
        critique: whether answers are checked against what was seen; `None` is what was measured best for the model.
        constitution: a file of principles in place of the packaged ones.
        approval: which calls ask first: "marked", "always" or "never".
        budget: what a question may cost.
        name: the agent's name, that of its graph.

    Raises:
        UsageError: an argument that can't be used; the message says what is allowed.
        DocumentError: a document is not there.

    >>> from agentkit.testing import ScriptedModel
    >>> agent = Agent(ScriptedModel(["Good morning."]), tools=[])
    >>> agent.ask("Say good morning.").text
    'Good morning.'
    """

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
        _check(model=model, instructions=instructions, tools=tools, approval=approval, budget=budget)
        self._given_model = model
        self._instructions = instructions
        self._critique = critique
        self._constitution = constitution
        self._approval = approval
        self._budget = budget
        self._name = name or "agentkit"
        self._lock = threading.RLock()
        self._knowledge: Knowledge | None = None
        self._documents = _documents(documents)
        self._told = set(getattr(self._documents, "warnings", ()))  # of a Knowledge that was read before: its owner knows
        self._registry = self._registry_of(DEFAULT_TOOLS if tools is None else tools)
        self._loaded: BaseChatModel | None = None
        self._parts: Parts | None = None
        self._graph: Graph | None = None
        self._memory: Any = None
        self._schemas: dict[str, Any] = {}
        """Of runs that wait for approval, by thread."""

    # ------------------------------------------------------------------ what it is made of
    @property
    def tools(self) -> "Registry":
        """This agent's tools."""
        return self._registry

    @property
    def graph(self) -> "Graph":
        """The compiled LangGraph, without a checkpointer; asynchronous: `ainvoke`, `astream`."""
        with self._lock:
            if self._graph is None:
                self._graph = self._build()
            return self._graph

    def as_tool(self, name: str, description: str) -> "BaseTool":
        """This agent as a tool of another one.

        >>> from agentkit.testing import ScriptedModel
        >>> expert = Agent(ScriptedModel(["Blue."]), tools=[]).as_tool("painter", "Knows about colours.")
        >>> expert.invoke({"question": "Which colour?"})
        'Blue.'
        """
        from langchain_core.tools import StructuredTool

        from agentkit.tools import Policy
        from agentkit.tools.policy import POLICY_KEY

        def ask(question: str) -> str:
            return self.ask(question).text

        async def aask(question: str) -> str:
            return (await self.aask(question)).text

        policy = Policy(timeout=(self._budget.seconds or 3600) + 1)
        return StructuredTool.from_function(ask, aask, name=name, description=description, metadata={POLICY_KEY: policy})

    def _registry_of(self, tools: Sequence[Any]) -> "Registry":
        from agentkit.tools.toolbox import Registry

        searched = self._documents is not None
        registry = Registry(thing for thing in tools if not (searched and thing == "search_documents"))
        if searched:
            registry.register_lazily("search_documents", self._make_search)
        return registry

    def _make_search(self) -> "BaseTool":
        from agentkit.tools.retriever import search_documents_tool

        return search_documents_tool(self._known())

    def _known(self) -> "Knowledge":
        with self._lock:
            if self._knowledge is None:
                from agentkit.retrieval import Knowledge

                self._knowledge = Knowledge(*self._documents) if isinstance(self._documents, tuple) else self._documents
            assert self._knowledge is not None
            return self._knowledge

    def _model(self) -> "BaseChatModel":
        with self._lock:
            if self._loaded is None:
                if isinstance(self._given_model, str):
                    from agentkit.models import load_model

                    self._loaded = load_model(self._given_model)
                else:
                    self._loaded = self._given_model
            return self._loaded

    def _made_of(self) -> "Parts":
        with self._lock:
            if self._parts is None:
                from agentkit.graphs.parts import Parts
                from agentkit.tools.toolbox import tool_spec

                self._parts = Parts(
                    model=self._model, tools=self.tools, instructions=self._instructions, budget=self._budget,
                    specs={tool.name: tool_spec(tool) for tool in self.tools.tools()}, critique=self._critique is not False,
                    prepare=self._refresh,
                )  # fmt: skip
            return self._parts

    def _build(self, checkpointer: Any = None, client: Any = None) -> "Graph":
        from agentkit.graphs.react import build_graph

        return build_graph(self._made_of(), checkpointer=checkpointer, name=self._name, client=client)

    # ------------------------------------------------------------------ asking
    def ask(self, question: str, *, thread: str | None = None, schema: Any = None, record: Document | None = None) -> Answer:
        """Answer a question.

        Args:
            question: a text.
            thread: the name of a conversation that is kept, under `AGENTKIT_HOME`.
            schema: a Pydantic model, a TypedDict or a JSON Schema: `answer.value` is an object of it, `answer.text` its JSON.
            record: a file that the run is written to, for `replay`.

        Raises:
            UsageError: the question is empty, or something else that was given can't be used.
            ModelError: the model or its endpoint failed; a record, where one is kept, says so.
            DiskFullError: record or thread can't be kept; the answer, if it was given before, is the error's `answer`.
        """
        return portal.run(self._ask(question, thread, schema, record))

    async def aask(self, question: str, *, thread: str | None = None, schema: Any = None, record: Document | None = None) -> Answer:
        """`ask` for callers with an event loop; cancelling it cancels the run."""
        return await portal.arun(self._ask(question, thread, schema, record))

    def stream(self, question: str, *, thread: str | None = None, schema: Any = None, record: Document | None = None) -> Iterator[Event]:
        """What happens while a question is answered, `Done` last.

        Closing the iterator cancels the run. Ctrl-C does too: then `Done` comes with an answer whose `stop_reason` is
        "cancelled", and `KeyboardInterrupt` after it.
        """
        return portal.iterate(self._events(question, thread, schema, record))

    def astream(
        self, question: str, *, thread: str | None = None, schema: Any = None, record: Document | None = None
    ) -> AsyncIterator[Event]:
        """`stream` for callers with an event loop."""
        return portal.aiterate(self._events(question, thread, schema, record))

    def batch(self, questions: Sequence[str]) -> list[Answer]:
        """Answer several questions, each on its own; the answers come in their order.

        A question that the model failed on has an answer with `stop_reason` "error", so that the others are not lost.
        """
        return portal.run(self._batch(questions))

    async def abatch(self, questions: Sequence[str]) -> list[Answer]:
        """`batch` for callers with an event loop."""
        return await portal.arun(self._batch(questions))

    def resume(
        self, thread: str, decisions: "Mapping[str, Any] | bool | str", *, schema: Any = None, record: Document | None = None
    ) -> Answer:
        """Go on with a run that waits for approval.

        Args:
            thread: its thread, as `answer.pending` names it.
            decisions: for each waiting call, by its id, `True` or "approve", `False` or "deny", `{"deny": REASON}`, or
                `{"args": {...}}` to run it with other arguments; or one such decision for all.
            schema: by default the one that was asked with; another agent knows it as a JSON Schema only and gives plain data.
            record: the file that holds the beginning of the run, by default the one that was asked with, if it is still there.

        Raises:
            UsageError: nothing waits there, or a decision is for a call that doesn't wait.
            RecordError: the record doesn't hold the beginning of the run.
        """
        return portal.run(self._resume(thread, decisions, schema, record))

    async def aresume(
        self, thread: str, decisions: "Mapping[str, Any] | bool | str", *, schema: Any = None, record: Document | None = None
    ) -> Answer:
        """`resume` for callers with an event loop."""
        return await portal.arun(self._resume(thread, decisions, schema, record))

    # ------------------------------------------------------------------ on the portal's loop
    async def _ask(self, question: str, thread: str | None, schema: Any, record: Document | None) -> Answer:
        return await _last(self._events(question, thread, schema, record, listened_to=False))

    async def _batch(self, questions: Sequence[str]) -> list[Answer]:
        if isinstance(questions, str):
            raise UsageError(f"questions={questions!r}: give a list of questions, or use ask for one")
        model = await portal.in_thread(self._model)
        gate = asyncio.Semaphore(getattr(model, "parallel_runs", 1 if hasattr(model, "n_ctx") else 8))

        async def one(question: str) -> Answer:
            async with gate:
                try:
                    return await self._ask(question, None, None, None)
                except AgentkitError as error:
                    return Answer(text=str(error), stop_reason="error")

        return list(await asyncio.gather(*map(one, questions)))

    async def _events(
        self, question: str, thread: str | None, schema: Any, record: Document | None, *, listened_to: bool = True
    ) -> AsyncGenerator[Event, None]:
        _check_question(question)
        if self._loaded is None or self._parts is None or self._documents is not None:
            await portal.in_thread(self._prepare)
        async with self._begun(question, thread, schema, record) as (run, given), contextlib.aclosing(run.events(given)) as events:
            run.listened_to = listened_to
            async for event in events:
                yield event

    @contextlib.asynccontextmanager
    async def _begun(self, question: str, thread: str | None, schema: Any, record: Document | None) -> "AsyncIterator[tuple[Run, State]]":
        """A run on the thread and the record that it needs, and what its graph is given."""
        from agentkit.graphs.quiet import apart
        from agentkit.run import carried_by
        from agentkit.state import State

        with apart():
            async with self._session(thread) as (graph, thread_id), self._recorder(record, thread) as tape:
                history = await _history(graph, thread_id)
                run = self._run(graph, thread_id, schema, tape)
                asked = run.begin(question, history, {} if tape is None else self._described())
                run.carried = carried_by(schema, record)
                yield run, State(messages=[asked])
                self._keep_schema(run)
                if thread is None and thread_id is not None and not run.interrupts:
                    await self._in_memory().adelete_thread(thread_id)

    async def _resume(self, thread: str, decisions: "Mapping[str, Any] | bool | str", schema: Any, record: Document | None) -> Answer:
        from agentkit.graphs.quiet import apart
        from agentkit.run import carried_by, decided, taken_over

        await portal.in_thread(self._prepare)
        with apart():
            async with self._session(thread) as (graph, thread_id):
                snapshot = await graph.aget_state({"configurable": {"thread_id": thread_id}})
                waiting = [interrupt.id for interrupt in snapshot.interrupts]
                turn = snapshot.values.get("turn", {})
                command = decided(_decisions(thread, waiting, decisions), turn.get("usage", {}).get("seconds", 0.0))
                kept = taken_over(snapshot.metadata)
                schema = schema if schema is not None else self._schemas.pop(thread, kept.get("schema"))
                record = record if record is not None else _still_there(kept.get("record"))
                async with self._recorder(record, thread, resumed=turn["number"]) as tape:
                    run = self._run(graph, thread_id, schema, tape)
                    run.messages, run.turn, run.left_out = list(snapshot.values["messages"]), turn, snapshot.values["left_out"]
                    run.number, run.carried = turn["number"], carried_by(schema, record)
                    answer = await _last(run.events(command))
                    self._keep_schema(run)
                    return answer

    async def _replayed(self, recorded: Mapping[str, Any], tape: "ReplayTape", schema: Any = None) -> AsyncGenerator[Event, None]:
        """Run a recorded question through this agent's graph."""
        from agentkit.graphs.quiet import apart
        from agentkit.run import remembered
        from agentkit.state import State

        with apart():
            history = remembered(recorded)
            run = self._run(self.graph, None, schema or recorded["schema"], tape)
            asked = run.begin(recorded["question"], history, {})
            async with contextlib.aclosing(run.events(State(**{**history, "messages": [*history["messages"], asked]}))) as events:
                async for event in events:
                    yield event

    def _run(self, graph: "Graph", thread: str | None, schema: Any, tape: Any) -> "Run":
        from agentkit.graphs.parts import RunContext
        from agentkit.run import Run

        return Run(graph=graph, parts=self._made_of(), context=RunContext(tape=tape, prepared=True), thread=thread, schema=schema)

    def _prepare(self) -> None:
        """What takes time and must not count against a call or hold up other runs: weights and index."""
        self._made_of().warm()

    def _refresh(self) -> None:
        if self._documents is not None:
            self._tell_left_out(getattr(self._known().refresh(), "warnings", ()))  # whatever has `search` may stand for a Knowledge

    def _tell_left_out(self, problems: Sequence[str]) -> None:
        for problem in problems:
            if problem not in self._told:
                self._told.add(problem)
                warnings.warn(f"left out: {problem}", DocumentWarning, stacklevel=2)

    @contextlib.asynccontextmanager
    async def _session(self, thread: str | None) -> "AsyncIterator[tuple[Graph, str | None]]":
        """The graph with the checkpointer that the thread needs, and the thread's id."""
        from agentkit.threads import check_thread, open_saver, thread_lock

        if thread is not None:
            check_thread(thread)
        if thread is None and not any(self.tools.policy(name).approval == "ask" for name in self.tools.names()):
            yield self.graph, None
        elif thread is None or thread.startswith(f"{id(self)}-"):
            yield self._build(self._in_memory()), thread or f"{id(self)}-{uuid.uuid4().hex[:12]}"
        else:
            async with thread_lock(thread), open_saver() as saver:
                yield self._build(saver), thread

    def _in_memory(self) -> Any:
        if self._memory is None:
            from langgraph.checkpoint.memory import InMemorySaver

            from agentkit.threads import serializer

            self._memory = InMemorySaver(serde=serializer())
        return self._memory

    def _keep_schema(self, run: "Run") -> None:
        """A class can't stand in a checkpoint: this agent keeps it for the run that goes on."""
        if run.interrupts and run.thread is not None and run.schema is not None:
            self._schemas[run.thread] = run.schema

    @contextlib.asynccontextmanager
    async def _recorder(self, path: Document | None, thread: str | None, resumed: int | None = None) -> AsyncIterator[Any]:
        if path is None:
            yield None
            return
        from agentkit.record import Recorder

        recorder = Recorder(path, thread=thread, secrets=_secrets(self._model()), resumed=resumed)
        try:
            yield recorder
        finally:
            recorder.close()

    def _described(self) -> dict[str, Any]:
        model = self._model()
        uri = self._given_model if isinstance(self._given_model, str) else type(model).__name__
        plain = (str, int, float, bool, list, type(None))
        parameters = {key: value for key, value in getattr(model, "_identifying_params", {}).items() if isinstance(value, plain)}
        return {"uri": uri, "fingerprint": getattr(model, "fingerprint", None), "parameters": parameters}


def _check(*, model: Any, instructions: Any, tools: Any, approval: Any, budget: Any) -> None:
    """Refuse arguments that can't be used, before anything is loaded."""
    if not isinstance(model, str) and not hasattr(model, "bind_tools"):
        raise UsageError(f"model={model!r}: give a URI such as 'embedded' or 'openai:NAME', or a LangChain chat model")
    if not isinstance(instructions, str):
        raise UsageError(f"instructions={instructions!r}: give a text")
    if isinstance(tools, str) or (tools is not None and not isinstance(tools, Sequence)):
        raise UsageError(f"tools={tools!r}: give a list, such as ['calculator', my_function]")
    if approval not in ("marked", "always", "never"):
        raise UsageError(f"approval={approval!r}: choose 'marked', 'always' or 'never'")
    if not isinstance(budget, Budget):
        raise UsageError(f"budget={budget!r}: give a Budget, such as Budget(steps=4)")


def _check_question(question: Any) -> None:
    if not isinstance(question, str) or not question.strip():
        raise UsageError(f"question={question!r}: ask something, in a text that is not empty")


def _documents(documents: Any) -> Any:
    """Paths as a tuple, a `Knowledge` as it is, `None` for none.

    Raises:
        DocumentError: a path is not there.
    """
    if hasattr(documents, "search"):
        return documents
    paths = (documents,) if isinstance(documents, str | os.PathLike) else tuple(documents)
    for path in paths:
        if not Path(path).exists():
            raise DocumentError(f"the document {os.fspath(path)!r} is not there: name files or folders that exist")
    return paths or None


def _decisions(thread: str, waiting: Sequence[str], decisions: Any) -> dict[str, Any]:
    if not waiting:
        raise UsageError(f"nothing waits for approval in the thread {thread!r}")
    by_call = isinstance(decisions, Mapping) and set(decisions) not in ({"deny"}, {"args"})
    given = dict(decisions) if by_call else dict.fromkeys(waiting, decisions)
    unknown = [name for name in given if name not in waiting]
    if unknown:
        raise UsageError(f"no call {unknown[0]!r} waits in the thread {thread!r}: waiting are {', '.join(waiting)}")
    return given


def _still_there(record: str | None) -> str | None:
    return record if record is not None and Path(record).is_file() else None


def _secrets(model: "BaseChatModel") -> list[str]:
    """Keys that the model was given."""
    values: list[Any] = [getattr(model, name, None) for name in type(model).model_fields]
    return [value.get_secret_value() for value in values if hasattr(value, "get_secret_value")]


async def _history(graph: "Graph", thread: str | None) -> "State":
    """What a thread holds."""
    from agentkit.state import NOTHING_LEFT_OUT, State

    if thread is None:
        return State(messages=[], evidence=[], left_out=NOTHING_LEFT_OUT)
    snapshot = await graph.aget_state({"configurable": {"thread_id": thread}})
    values = snapshot.values
    left_out = values.get("left_out") or NOTHING_LEFT_OUT
    return State(messages=values.get("messages", []), evidence=values.get("evidence", []), left_out=left_out)


async def _last(events: AsyncIterator[Event]) -> Answer:
    answer: Answer | None = None
    try:
        async for event in events:
            if isinstance(event, Done):
                answer = event.answer
    except AgentkitError as error:
        error.answer = answer
        raise
    assert answer is not None, "a run without an error ends with Done"
    return answer
