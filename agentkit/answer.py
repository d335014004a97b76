"""What a run gives back: the answer, its parts, and the events that lead to it. All frozen."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from typing_extensions import TypedDict  # Pydantic refuses typing's before Python 3.12, and servers make schemas of the state

__all__ = [
    "Answer",
    "Call",
    "Citation",
    "Critique",
    "CritiqueNote",
    "Done",
    "Event",
    "Observation",
    "Passage",
    "Step",
    "StopReason",
    "Thought",
    "Token",
    "Usage",
]

StopReason = Literal["answered", "max_steps", "max_tokens", "max_seconds", "no_progress", "needs_approval", "cancelled", "error"]


class Passage(TypedDict):
    """A piece of a document as the model was shown it."""

    n: int
    source: str
    location: str
    text: str


class Citation(TypedDict):
    """A literal piece of a passage that supports the answer."""

    n: int
    source: str
    location: str
    quote: str


class Step(TypedDict):
    """A call and what came of it; calls of one message share `step`."""

    step: int
    thought: str
    tool: str
    args: dict[str, Any]
    observation: str


class CritiqueNote(TypedDict):
    """A principle that was looked at, what was found, and whether the answer was revised for it."""

    principle: str
    finding: str
    revised: bool


class Usage(TypedDict):
    """Tokens and seconds of a run; `cached_tokens` are prompt tokens that were not read again.

    `compactions` counts the prompts for which more of the thread was left out, so that they did not extend the last one.
    """

    input_tokens: int
    output_tokens: int
    cached_tokens: int
    seconds: float
    compactions: int


NO_USAGE: Usage = {"input_tokens": 0, "output_tokens": 0, "cached_tokens": 0, "seconds": 0.0, "compactions": 0}


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The end of a run.

    >>> Answer(text="42", stop_reason="answered").to_dict()["text"]
    '42'
    """

    text: str
    citations: Sequence[Citation] = ()
    steps: Sequence[Step] = ()
    critiques: Sequence[CritiqueNote] = ()
    stop_reason: str = "answered"
    """One of `StopReason`; readers accept values that they do not know."""
    usage: Usage = field(default_factory=NO_USAGE.copy)
    pending: Sequence[Mapping[str, Any]] = ()
    """Calls that wait for approval."""
    value: Any = None
    """The typed answer where `schema=` was given."""

    def to_dict(self) -> dict[str, Any]:
        """The answer as plain JSON data; a Pydantic `value` is dumped."""
        value = self.value.model_dump(mode="json") if hasattr(self.value, "model_dump") else self.value
        shown = asdict(self, dict_factory=dict) if self.value is value else {**asdict(_without_value(self)), "value": value}
        return {key: list(item) if isinstance(item, tuple) else item for key, item in shown.items()}


def _without_value(answer: Answer) -> Answer:
    fields = {name: getattr(answer, name) for name in answer.__dataclass_fields__}
    return Answer(**{**fields, "value": None})


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happened in a run; `step` counts from 1."""

    step: int


@dataclass(frozen=True, kw_only=True)
class Thought(Event):
    """The model's thought before a call or an answer."""

    text: str


@dataclass(frozen=True, kw_only=True)
class Token(Event):
    """A piece of the answer as it is written, citations in the model's own syntax."""

    text: str


@dataclass(frozen=True, kw_only=True)
class Call(Event):
    """A tool call."""

    id: str
    tool: str
    args: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Observation(Event):
    """What came of a call, as the model reads it."""

    id: str
    tool: str
    text: str
    status: Literal["success", "error"] = "success"


@dataclass(frozen=True, kw_only=True)
class Critique(Event):
    """A finding about the draft."""

    principle: str
    finding: str
    revised: bool


@dataclass(frozen=True, kw_only=True)
class Done(Event):
    """The run is over."""

    answer: Answer
