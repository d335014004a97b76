"""Replay: a recorded run goes through the same graph once more, with the recorded turns of the model and results of tools.

No model is loaded and no tool is run. What the graph does beside that (prompts, order and size of observations, checks,
the answer) is done again and compared with the record event by event, so that a changed prompt is told at once:
a message, a tool beside the messages, the wording of the prompt contract.
"""

import json
import os
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agentkit import portal
from agentkit.answer import Answer, Done, Event
from agentkit.contract import CONTRACT
from agentkit.difference import event_difference, message_difference, offer_difference, place_of, tool_differences
from agentkit.disk import disk_full, is_full
from agentkit.errors import ModelError, RecordError, ReplayError
from agentkit.record import Key, Record, Scribe, canonical, dump_line, key_of, load_record, timeless

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool

    from agentkit.agent import Agent

__all__ = ["RecordEnds", "ReplayTape", "areplay_events", "replay", "replay_events"]

Path_ = str | os.PathLike[str]
LATER = {"asked": ("golden", "builtin"), "prompt": ("offered",)}
"""Fields that records did not always have: where one is missing it is not compared."""


class RecordEnds(ReplayError):
    """The recorded run was cut off here."""


class ReplayTape:
    """The tape of a replay: gives what was recorded, and compares what is written with it.

    Args:
        record: the record.
        turn: the turn that is replayed.
    """

    def __init__(self, record: Record, turn: int) -> None:
        self._record, self._turn = record, turn
        asked = record.find("asked", turn=turn, step=0)
        assert asked is not None
        self._scribe = Scribe(thread=asked["thread"])
        self._prompts = record.prompts(turn)
        last = record.answer(turn)
        events = [event for event in record.events if event["turn"] == turn]
        self._paused = {key_of(event): event for event in events if event["event"] == "answer" and event is not last}
        """Answers of a run that waited for approval and went on: a replay knows the decisions and does not wait."""
        self._expected = {key_of(event): event for event in events if event["event"] != "answer" or event is last}
        self._whole: list[Any] = []
        self._tools: list[Any] = []
        self._golden = ""
        self.events: dict[Key, dict[str, Any]] = {}
        """What was written so far."""

    def read(self, kind: str, *, turn: int, step: int, call: int | None = None) -> dict[str, Any] | None:
        """The recorded event.

        Raises:
            RecordEnds: the record was cut off before it.
        """
        found = self._expected.get(key_of({"event": kind, "turn": turn, "step": step, "call": call}))
        if found is not None:
            return found
        if kind in ("message", "result"):
            raise RecordEnds(f"the record ends before the {kind} of turn {turn}, step {step}")
        return None

    def write(self, kind: str, *, turn: int, step: int, call: int | None = None, **fields: Any) -> None:
        """Compare an event with the recorded one; times are copied.

        Raises:
            RecordEnds: the record was cut off before it.
            ReplayError: they differ.
        """
        event = self._scribe.event(kind, turn=turn, step=step, call=call, **fields)
        self._take_up(event)
        key = key_of(event)
        recorded = self._expected.get(key)
        if recorded is None and self._record.answer(turn) is None:
            raise RecordEnds(f"the record ends before {place_of(event)}")
        if recorded is None:
            raise ReplayError(f"{place_of(event)} is not in the record: the run goes another way than the recorded one")
        event = {name: value for name, value in event.items() if name in recorded or name not in LATER.get(kind, ())}
        if timeless(recorded) != timeless({**event, **({"golden": recorded["golden"]} if "golden" in event else {})}):
            raise ReplayError(self._difference(recorded, event))
        self.events[key] = recorded

    def finish(self) -> None:
        """Check that nothing recorded was left out, and that all wording is what it was, that of other runs included.

        Raises:
            ReplayError: something was, or isn't.
        """
        self.events = {**self._paused, **self.events}
        missing = [event for key, event in self._expected.items() if key not in self.events]
        if missing:
            raise ReplayError(f"the run ended early: {place_of(missing[0])} of the record was not reached")
        golden = next((event["golden"] for event in self._expected.values() if "golden" in event), self._golden)
        if self._golden and golden != self._golden:
            raise ReplayError(
                f"turn {self._turn} is as it was recorded, but the prompt contract has another wording (field 'golden': {self._golden}, "
                f"recorded {golden}): a model reads and writes other text now. Record the run anew"
            )

    def _take_up(self, event: Mapping[str, Any]) -> None:
        if event["event"] == "prompt":
            self._whole = [*self._whole[: event["same"]], *event["messages"]]
        if event["event"] == "asked":
            self._tools, self._golden = event["tools"], event["golden"]

    def _difference(self, recorded: Mapping[str, Any], event: Mapping[str, Any]) -> str:
        place = place_of(event)
        if event["event"] != "prompt":
            return f"{place} differs from the record:\n{event_difference(recorded, event)}"
        before, now = self._prompts[event["step"]], self._whole
        for number, (old, new) in enumerate(zip(before, now, strict=False), 1):
            if old != new:
                return f"{place} differs from the record in message {number} of {len(now)} ({new['role']}):\n{message_difference(old, new)}"
        if len(before) != len(now):
            return f"{place} differs from the record: it has {len(now)} messages, the recorded one {len(before)}"
        if recorded.get("offered") != event.get("offered"):
            asked = self._record.find("asked", turn=self._turn, step=0) or {}
            told = offer_difference(recorded["offered"], event["offered"], (asked["tools"], self._tools))
            return f"{place} differs from the record in what the model is offered:\n{told}"
        return f"{place} differs from the record:\n{event_difference({**recorded, 'messages': []}, {**event, 'messages': []})}"


def replay(path: Path_, *, agent: "Agent | None" = None, record: Path_ | None = None, schema: Any = None) -> Answer:
    """Repeat a recorded run without its model.

    Args:
        path: the record.
        agent: an agent whose instructions, tools and settings must lead to the same prompts; by default those of the record.
        record: where the replay's own record goes: equal to the one that is replayed.
        schema: the class that `answer.value` is to be an object of; without it, plain data.

    Returns:
        The answer of the last turn.

    Raises:
        RecordError: the file is no record.
        ReplayError: the replay differs from the record; the message says where.
        ModelError: the recorded run ended with this error of its model.
    """
    answer: Answer | None = None
    for event in replay_events(path, agent=agent, record=record, schema=schema):
        if isinstance(event, Done):
            answer = event.answer
    assert answer is not None
    return answer


def replay_events(path: Path_, *, agent: "Agent | None" = None, record: Path_ | None = None, schema: Any = None) -> Iterator[Event]:
    """`replay`, event by event; a `Done` a turn."""
    return portal.iterate(areplay_events(path, agent=agent, record=record, schema=schema))


async def areplay_events(
    path: Path_, *, agent: "Agent | None" = None, record: Path_ | None = None, schema: Any = None
) -> AsyncIterator[Event]:
    """`replay_events` for callers with an event loop."""
    kept = load_record(path)
    written: list[dict[str, Any]] = []
    for turn in kept.turns:
        tape = ReplayTape(kept, turn)
        async for event in _replay_turn(kept, turn, tape, agent, schema):
            yield event
        tape.finish()
        written.extend(tape.events.values())
    if record is not None:
        _write(Path(record), written)


def _write(path: Path, events: Sequence[Mapping[str, Any]]) -> None:
    ordered = [json.loads(line) for line in canonical(events).split("\n")]
    try:
        path.write_text("".join(map(dump_line, ordered)), encoding="utf-8")
    except OSError as error:
        if is_full(error):
            raise disk_full("the record", path, error, "name a file on another disk") from error
        raise RecordError(f"the record {str(path)!r} can't be written: {error.strerror or error}") from error


async def _replay_turn(kept: Record, turn: int, tape: ReplayTape, agent: "Agent | None", schema: Any) -> AsyncIterator[Event]:
    asked = kept.find("asked", turn=turn, step=0)
    assert asked is not None
    if asked["contract"] != CONTRACT:
        raise ReplayError(f"the run was recorded under prompt contract {asked['contract']}, in force is {CONTRACT}: record it anew")
    if agent is None:
        _check_builtin(asked)
    try:
        async for event in (agent or _recorded_agent(asked))._replayed(asked, tape, schema):
            yield event
    except RecordEnds as end:
        yield Done(step=0, answer=_recorded_end(kept, turn, tape, end))


def _recorded_end(kept: Record, turn: int, tape: ReplayTape, end: RecordEnds) -> Answer:
    """The answer of a run that was cut off: as it was recorded."""
    event = kept.answer(turn)
    if event is None:
        raise ReplayError(f"{end}: the recorded run was killed there") from end
    if event.get("error"):
        raise ModelError(event["error"]["message"]) from end
    tape.events = {key_of(item): item for item in kept.events if item["turn"] == turn}
    return Answer(**event["answer"])


def _recorded_agent(asked: Mapping[str, Any]) -> "Agent":
    """An agent with the settings of a record, tools that can't be run, and no model."""
    from agentkit.agent import Agent
    from agentkit.budget import Budget

    return Agent(
        asked["model"].get("uri") or "recorded",
        instructions=asked["instructions"],
        tools=[_recorded_tool(spec) for spec in asked["tools"]],
        critique=asked["critique"],
        budget=Budget(**asked["budget"]),
    )


def _check_builtin(asked: Mapping[str, Any]) -> None:
    """Compare the recorded built-in tools with those of this version, which the recorded ones stand in for."""
    from agentkit.tools.catalog import builtin_spec

    names = asked.get("builtin") or ()
    old = [{name: spec[name] for name in ("name", "description", "parameters")} for spec in asked["tools"] if spec["name"] in names]
    new = [dict(vars(spec)) for name in (spec["name"] for spec in old) if (spec := builtin_spec(name)) is not None]
    told = tool_differences([spec for spec in old if any(spec["name"] == other["name"] for other in new)], new)
    if told:
        raise ReplayError(f"{place_of({**asked, 'call': None})} differs from the record in built-in tools:\n" + "\n".join(told))


def _recorded_tool(spec: Mapping[str, Any]) -> "BaseTool":
    from langchain_core.tools import StructuredTool

    from agentkit.tools import Policy
    from agentkit.tools.policy import POLICY_KEY

    def never(**args: Any) -> str:
        raise ReplayError(f"{spec['name']} is not in the record")

    return StructuredTool.from_function(
        never, name=spec["name"], description=spec["description"] or spec["name"], args_schema=dict(spec["parameters"]),
        metadata={POLICY_KEY: Policy(**spec["policy"])},
    )  # fmt: skip
