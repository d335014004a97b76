"""What a graph is made of, and what belongs to one run of it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from langchain_core.language_models import BaseChatModel
from langgraph.runtime import Runtime

from agentkit import prompts
from agentkit.budget import Budget
from agentkit.contract import ToolSpec
from agentkit.errors import DiskFullError
from agentkit.state import State, ToolCallTask
from agentkit.tools.toolbox import Registry

__all__ = ["CallNode", "Node", "Parts", "RunContext", "Tape", "context_of"]


class Tape(Protocol):
    """Where a run is written down, or read back from: both look the same to the nodes."""

    def write(self, kind: str, *, turn: int, step: int, call: int | None = None, **fields: Any) -> None:
        """Add an event; a replay compares it with the recorded one instead."""

    def read(self, kind: str, *, turn: int, step: int, call: int | None = None) -> dict[str, Any] | None:
        """The recorded event with that key; `None` unless this is a replay."""


@dataclass(frozen=True, kw_only=True)
class Parts:
    """The model, the tools and the settings of a graph: the same for every question."""

    model: Callable[[], BaseChatModel]
    """Gives the model; called when it is first needed, so that a replay needs none."""
    tools: Registry
    instructions: str = ""
    """The user's own lines for the system prompt."""
    budget: Budget = field(default_factory=Budget)
    specs: Mapping[str, ToolSpec]
    """The tools as a model is shown them, by name."""
    critique: bool = True
    """Whether drafts are checked; quotes that are not literal are dropped either way."""
    prepare: Callable[[], object] = lambda: None
    """What else must be ready before a question: the index of the documents."""
    bound: dict[Any, Any] = field(default_factory=dict, compare=False)
    """The model with tools bound, by what is withheld: binding makes a JSON Schema of every tool."""

    def warm(self) -> None:
        """Everything that takes long, outside of the event loop and of any tool's time limit: weights, prompts, index."""
        self.model()
        prompts.load_all()
        self.prepare()


@dataclass(frozen=True, kw_only=True)
class RunContext:
    """What belongs to one run; LangGraph hands it to every node."""

    tape: Tape | None = None
    prepared: bool = False
    """Whether `Parts.warm` was called for this run, or is not wanted: a replay needs no model."""
    written: dict[int, str] = field(default_factory=dict)
    """Answer text by step, as far as it has come: what is left of a run that is cut off."""
    lost: list[Exception] = field(default_factory=list)
    """Why the run is not kept (a full disk): raised once the answer is given."""

    def write(self, kind: str, *, turn: int, step: int, call: int | None = None, **fields: Any) -> None:
        """Write an event, where there is a tape."""
        if self.tape is None or self.lost:
            return
        try:
            self.tape.write(kind, turn=turn, step=step, call=call, **fields)
        except DiskFullError as error:
            self.lost.append(error)

    def read(self, kind: str, *, turn: int, step: int, call: int | None = None) -> dict[str, Any] | None:
        """Read an event, where a tape is replayed."""
        return None if self.tape is None else self.tape.read(kind, turn=turn, step=step, call=call)


def context_of(runtime: Runtime[RunContext]) -> RunContext:
    """What belongs to this run; a context that came from elsewhere, such as a server's client, counts for nothing."""
    return runtime.context if isinstance(runtime.context, RunContext) else RunContext()


class Node(Protocol):
    """A node of the graph, as the modules of `nodes` make them."""

    def __call__(self, state: State, *, runtime: Runtime[RunContext]) -> Awaitable[State]: ...


class CallNode(Protocol):
    """The node that is sent one call at a time."""

    def __call__(self, state: ToolCallTask, *, runtime: Runtime[RunContext]) -> Awaitable[State]: ...
