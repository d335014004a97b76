"""A trajectory: one conversation of the agent as messages, independent of how a prompt is written.

Kept as JSON Lines and rendered when it is trained on, so that a change of the prompt contract costs training, not data.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from agentkit.contract import CONTRACT, ToolSpec

__all__ = ["Exchange", "Made", "Trajectory", "Turn", "read_trajectories", "write_trajectories"]


@dataclass(frozen=True, kw_only=True)
class Made:
    """A call and what came of it."""

    tool: str
    args: Mapping[str, Any]
    text: str = ""
    """What the tool returned, its error, or nothing for passages."""
    status: Literal["success", "error", "hint"] = "success"
    passages: Sequence[Mapping[str, str]] | None = None
    """`source`, `location` and `text` of each passage shown, for a tool that finds passages."""


@dataclass(frozen=True, kw_only=True)
class Turn:
    """Calls that the agent made at once."""

    calls: Sequence[Made]
    trained: bool = True
    """False where the calls are a mistake: shown, never imitated."""


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """A question, the turns of calls, the answer.

    >>> Exchange(question="hi", answer="Hello!").needs
    ()
    """

    question: str
    answer: str
    turns: Sequence[Turn] = ()
    citations: Sequence[tuple[int, str]] = ()
    """(passage, quote): passages counted from 0 through this exchange."""

    @property
    def needs(self) -> tuple[str, ...]:
        """Names of the tools that are called."""
        return tuple(dict.fromkeys(call.tool for turn in self.turns for call in turn.calls))


@dataclass(frozen=True, kw_only=True)
class Trajectory:
    """Exchanges under one offer of tools."""

    kind: str
    group: str
    """Document set, tool family, or the like; what is held back is held back by group."""
    exchanges: Sequence[Exchange]
    tools: Sequence[ToolSpec] = ()
    instructions: str = ""
    key: str = ""
    """The same for all trajectories made from one written row."""
    tags: Sequence[str] = field(default=())
    """What was done to it: masked, noisy, ..."""

    def to_json(self) -> dict[str, Any]:
        """As plain data, with the number of the prompt contract in force."""
        return {"contract": CONTRACT, **asdict(self)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Trajectory":
        """The inverse of `to_json`."""
        fields = {name: value for name, value in data.items() if name != "contract"}
        exchanges = [_exchange(item) for item in data["exchanges"]]
        return replace(cls(**{**fields, "exchanges": exchanges}), tools=[ToolSpec(**tool) for tool in data["tools"]])


def _exchange(data: Mapping[str, Any]) -> Exchange:
    turns = [Turn(calls=[Made(**call) for call in turn["calls"]], trained=turn["trained"]) for turn in data["turns"]]
    return Exchange(**{**data, "turns": turns, "citations": [(n, quote) for n, quote in data["citations"]]})


def write_trajectories(path: Path, trajectories: Iterable[Trajectory]) -> None:
    """Write JSON Lines."""
    path.write_text("".join(json.dumps(t.to_json(), ensure_ascii=False) + "\n" for t in trajectories), encoding="utf-8")


def read_trajectories(path: Path) -> Iterator[Trajectory]:
    """Read JSON Lines."""
    for line in path.read_text(encoding="utf-8").splitlines():
        yield Trajectory.from_json(json.loads(line))
