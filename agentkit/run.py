"""One run of an agent's graph: from a question, or from decisions on waiting calls, to the answer."""

import asyncio
import dataclasses
import datetime
import json
import os
import sqlite3
import time
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from typing import Any

from langchain_core.messages import AnyMessage, HumanMessage, messages_from_dict, messages_to_dict
from langchain_core.runnables import RunnableConfig
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Command, Durability, StreamMode

from agentkit import prompts
from agentkit.answer import Answer, Done, Event
from agentkit.errors import AgentkitError, ModelError, ReplayError
from agentkit.graphs.parts import Parts, RunContext
from agentkit.graphs.prompt import build_prompt
from agentkit.models.structured import read_schema, structured_output
from agentkit.state import (
    NOTHING_LEFT_OUT,
    LeftOut,
    State,
    Turn,
    mark_start,
    merge_turn,
    questions_in,
    text_of,
    thread_start,
    to_answer,
)

__all__ = ["Graph", "Run", "carried_by", "decided", "remembered", "taken_over"]

Graph = CompiledStateGraph[State, RunContext, State, State]


CARRIED = "agentkit_carried"
"""The key in a checkpoint's metadata."""


def carried_by(schema: Any, record: str | os.PathLike[str] | None) -> dict[str, Any]:
    """The schema and the record of a run as its thread keeps them; classes become JSON Schemas."""
    wanted = {"schema": _schema(schema), "record": None if record is None else os.path.abspath(record)}
    return {name: value for name, value in wanted.items() if value is not None}


def taken_over(metadata: Mapping[str, Any] | None) -> dict[str, Any]:
    """What the run that waits was asked with.

    >>> taken_over({"agentkit_carried": '{"record": "/a/run.jsonl"}'}), taken_over(None)
    ({'record': '/a/run.jsonl'}, {})
    """
    kept: dict[str, Any] = json.loads((metadata or {}).get(CARRIED) or "{}")
    return kept


def decided(decisions: Mapping[str, Any], spent: float) -> Command[Any]:
    """The input of the graph for decisions; the clock goes on from what was spent before the pause."""
    return Command(resume=dict(decisions), update={"turn": {"started": time.monotonic() - spent}})


def remembered(event: Mapping[str, Any]) -> State:
    """What the thread held before a recorded question."""
    messages = messages_from_dict(event["history"]["messages"])
    return State(messages=messages, evidence=event["history"]["evidence"], left_out=event["history"]["left_out"])  # type: ignore[typeddict-item]


@dataclass
class Run:
    """A run and what is known of it so far."""

    graph: Graph
    parts: Parts
    context: RunContext
    thread: str | None = None
    schema: Any = None
    listened_to: bool = True
    """Whether somebody wants the events before the last."""
    messages: list[AnyMessage] = field(default_factory=list)
    """What the thread holds by now."""
    turn: Turn = field(default_factory=Turn)
    left_out: LeftOut = field(default_factory=NOTHING_LEFT_OUT.copy)
    number: int = 1
    """The turn's number."""
    interrupts: list[Any] = field(default_factory=list)
    carried: dict[str, Any] = field(default_factory=dict)
    """What a resumed run takes over of the one that waits, as JSON data: kept beside its checkpoints."""
    answered: bool = False
    """Whether the answer has joined the thread."""

    async def events(self, given: State | Command[Any]) -> AsyncGenerator[Event, None]:
        """What happens, the answer last.

        Raises:
            ModelError: the model or its endpoint failed.
            DiskFullError: record or thread could not be kept; where there is an answer it comes first.
        """
        try:
            async for event in self._stream(given):
                yield event
            answer = await self._answer()
        except asyncio.CancelledError:
            yield Done(step=self._step, answer=self._end(self._cut_off("cancelled")))
            raise
        except ReplayError:
            raise
        except Exception as error:
            self._end(self._cut_off("error"), error)
            raise
        yield Done(step=self._step, answer=self._end(answer))
        if self.context.lost:
            raise self.context.lost[0]

    async def _stream(self, given: State | Command[Any]) -> AsyncGenerator[Event, None]:
        config: RunnableConfig = {"recursion_limit": self.parts.budget.recursion_limit}
        if self.thread is not None:
            config["configurable"] = {"thread_id": self.thread}
            config["metadata"] = {CARRIED: json.dumps(self.carried)}
        effects = any(self.parts.tools.policy(name).effect in ("writes", "spends") for name in self.parts.tools.names())
        durability: Durability | None = None if self.thread is None else "sync" if effects else "exit"
        modes: list[StreamMode] = ["custom", "updates"] if self.listened_to else ["updates"]
        mode: str
        item: Any
        try:
            async for mode, item in self.graph.astream(given, config, context=self.context, stream_mode=modes, durability=durability):
                if mode == "custom":
                    yield item
                else:
                    self._update(item)
        except sqlite3.Error as error:  # the last checkpoint, behind an answer that is there: it is given first
            if not self.answered:
                raise
            self.context.lost.append(error)

    def _update(self, item: dict[str, Any]) -> None:
        self.interrupts.extend(item.pop("__interrupt__", ()))
        self.answered = self.answered or "answer" in item
        for update in item.values():
            self._take(update)

    def _take(self, update: Mapping[str, Any]) -> None:
        """Keep what a node changed. (LangGraph's "values" would read every channel after every step.)"""
        self.messages.extend(update.get("messages", ()))
        self.turn = merge_turn(self.turn, update.get("turn", {}))
        self.left_out = update.get("left_out", self.left_out)

    @property
    def _step(self) -> int:
        return self.turn.get("step", 0) + 1

    async def _answer(self) -> Answer:
        if self.interrupts:
            pending = [{"id": interrupt.id, "thread": self.thread, **interrupt.value} for interrupt in self.interrupts]
            return to_answer(self.messages, self.turn, stop_reason="needs_approval", pending=pending)
        answer = to_answer(self.messages, self.turn)
        return answer if self.schema is None else await self._typed(answer)

    async def _typed(self, answer: Answer) -> Answer:
        """The answer once more, as an object of the schema; as it is where no time is left for that."""
        recorded = self.context.read("typed", turn=self.number, step=self._step)
        if recorded is not None:
            value, used = recorded["value"], recorded["usage"]
            typed: Any = _revived(self.schema, value) if "output_tokens" in used else None
        else:
            typed, used = await self._structured(answer)
        plain = typed.model_dump(mode="json") if hasattr(typed, "model_dump") else typed
        self.context.write("typed", turn=self.number, step=self._step, value=plain, usage=used)
        usage: Any = {name: count + used.get(name, 0) for name, count in answer.usage.items()}
        if "output_tokens" not in used:  # the time ran out; None may be an answer
            return dataclasses.replace(answer, usage=usage, stop_reason="max_seconds")
        return dataclasses.replace(answer, usage=usage, text=json.dumps(plain, ensure_ascii=False), value=typed)

    async def _structured(self, answer: Answer) -> tuple[Any, dict[str, float]]:
        """What the model makes of the conversation and what that cost; nothing where the time ran out."""
        budget, began = self.parts.budget, time.monotonic()
        left = None if budget.seconds is None else max(budget.seconds - answer.usage["seconds"], budget.reserved_seconds)
        prompt = build_prompt(self.messages, instructions=self.parts.instructions, left_out=self.left_out)
        wanted = getattr(self.schema, "__name__", "asked for")
        try:
            async with asyncio.timeout(left):
                model = structured_output(self.parts.model(), self.schema)
                said: Any = await model.ainvoke([*prompt, HumanMessage(prompts.load("typed"))])
        except TimeoutError:
            return None, {"seconds": time.monotonic() - began}
        except AgentkitError:
            raise
        except Exception as error:
            raise ModelError(f"no answer of the type {wanted} came: {type(error).__name__}: {error}") from error
        problem = said["parsing_error"]
        if problem is not None or (said["parsed"] is None and not read_schema(self.schema).wrapped):
            why = f"{type(problem).__name__}: {problem}" if problem else f"it said {text_of(said['raw'])[:200]!r}"
            raise ModelError(f"no answer of the type {wanted} came: {why}") from problem
        usage = said["raw"].usage_metadata or {}
        cached = (usage.get("input_token_details") or {}).get("cache_read", 0)
        counts = {"input_tokens": usage.get("input_tokens", 0), "output_tokens": usage.get("output_tokens", 0), "cached_tokens": cached}
        return said["parsed"], {**counts, "seconds": time.monotonic() - began}

    def _cut_off(self, stop_reason: str) -> Answer:
        """The answer of a run that was cut off: as much of its text as has come."""
        text = self.turn.get("text") or self.context.written.get(self._step, "")
        return to_answer(self.messages, {**self.turn, "text": text}, stop_reason=stop_reason)

    def _end(self, answer: Answer, error: Exception | None = None) -> Answer:
        """Write the answer down; a replay takes the recorded seconds."""
        if self.context.tape is None:
            return answer
        recorded = self.context.read("answer", turn=self.number, step=self._step)
        if recorded is not None:
            answer = dataclasses.replace(answer, usage={**answer.usage, "seconds": recorded["answer"]["usage"]["seconds"]})
        failed: dict[str, Any] = {"error": {"type": type(error).__name__, "message": str(error)}} if error is not None else {}
        self.context.write("answer", turn=self.number, step=self._step, answer=answer.to_dict(), **failed)
        return answer

    def begin(self, question: str, history: State, model: Mapping[str, Any]) -> HumanMessage:
        """Take up what the thread holds, and write down what is asked and of whom.

        Returns:
            The question as the graph is given it; its id derives from its turn, and a thread's first one says when it was asked.

        Raises:
            UsageError: the schema of the answer is none.
        """
        if self.schema is not None:
            read_schema(self.schema)
        self.number = 1 + questions_in(history["messages"])
        asked = HumanMessage(question, id=f"{self.number}.0")
        if thread_start(history["messages"]) is None:
            recorded = self.context.read("asked", turn=self.number, step=0)
            mark_start(asked, recorded.get("thread_start") if recorded else datetime.datetime.now().astimezone().isoformat())
        self.messages = [*history["messages"], asked]
        self.left_out = history["left_out"]
        if self.context.tape is not None:
            self._describe(question, history, model)
        return asked

    def _describe(self, question: str, history: State, model: Mapping[str, Any]) -> None:
        from agentkit.models.golden import golden_hash
        from agentkit.tools.catalog import builtin_spec

        parts, budget = self.parts, self.parts.budget
        recorded = self.context.read("asked", turn=self.number, step=0)
        held = {
            "messages": messages_to_dict(history.get("messages", [])),
            "evidence": history.get("evidence", []),
            "left_out": history.get("left_out") or {"pairs": 0, "turns": 0},
        }
        tools = [{**dataclasses.asdict(spec), "policy": parts.tools.policy(spec.name).to_dict()} for spec in parts.specs.values()]
        start = thread_start(self.messages)
        began: dict[str, Any] = {} if start is None else {"thread_start": start}
        self.context.write(
            "asked", turn=self.number, step=0, question=question, schema=_schema(self.schema), tools=tools, critique=parts.critique,
            budget={"steps": budget.steps, "tokens": budget.tokens, "seconds": budget.seconds}, history=held, golden=golden_hash(),
            # not compared in a replay: another model is none, and other instructions show in the prompt
            builtin=[spec.name for spec in parts.specs.values() if builtin_spec(spec.name) == spec] if recorded is None
            else recorded.get("builtin"),
            model=recorded["model"] if recorded is not None else model,
            instructions=recorded["instructions"] if recorded is not None else parts.instructions,
            **began,
        )  # fmt: skip


def _schema(schema: Any) -> Any:
    """The JSON Schema of what was asked for."""
    if schema is None or isinstance(schema, dict):
        return schema
    if hasattr(schema, "model_json_schema"):
        return schema.model_json_schema()
    from langchain_core.utils.function_calling import convert_to_json_schema

    return convert_to_json_schema(schema)


def _revived(schema: Any, value: Any) -> Any:
    return schema.model_validate(value) if hasattr(schema, "model_validate") else value
