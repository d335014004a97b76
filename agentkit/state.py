"""The state of the graph: what a thread keeps, and what each question starts anew.

```
thread    messages   evidence   contract   left_out
results   of the calls that are running, by call id; cleared by `observe`
turn      number   step   started   offered   withheld   strikes   calls_seen
          draft   text   citations   critiques   usage   stop_reason
```

What belongs to a turn is one channel, whose parts are replaced one by one: LangGraph visits every channel after every
step, so a channel each would cost more than the nodes. Everything is plain data or a LangChain message, so that a strict
checkpoint can hold it (`checkpoint_types`).
"""

import operator
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, NotRequired

from langchain_core.messages import AIMessage, AnyMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from langgraph.graph.message import add_messages
from typing_extensions import TypedDict

from agentkit.answer import NO_USAGE, Answer, Citation, CritiqueNote, Passage, Step, Usage
from agentkit.contract import parse_citations

__all__ = [
    "NOTHING_LEFT_OUT",
    "Evidence",
    "LeftOut",
    "Result",
    "SeenCall",
    "State",
    "ToolCallTask",
    "Turn",
    "checkpoint_types",
    "current_turn",
    "mark_start",
    "merge_results",
    "merge_turn",
    "new_turn",
    "questions_in",
    "steps_of",
    "text_of",
    "thought_of",
    "thread_start",
    "to_answer",
]


class Evidence(Passage):
    """A passage that was shown, with the call that found it and how far its text is trusted."""

    call: str
    trust: str


class Result(TypedDict):
    """What came of a call, as `act` hands it to `observe`."""

    status: Literal["success", "error", "hint"]
    text: str
    passages: NotRequired[list[dict[str, Any]]]
    """Set, maybe empty, where the tool is one that finds passages."""
    ran: bool
    """Whether the tool itself was started."""


class SeenCall(TypedDict):
    """A call of this turn, for the guard against going in circles."""

    key: str
    tool: str
    status: str
    digest: str
    """Digest of the result."""
    ran: bool


class LeftOut(TypedDict):
    """How much of the thread is left out of the prompt, counted from its beginning."""

    pairs: int
    turns: int


NOTHING_LEFT_OUT: LeftOut = {"pairs": 0, "turns": 0}


class ToolCallTask(TypedDict):
    """What `act` is sent: one call and where it stands in the run."""

    id: str
    name: str
    args: dict[str, Any]
    problem: str | None
    """Why the call can't be run, where that is known already."""
    turn: int
    step: int
    index: int
    verdict: Literal["run", "hint", "withheld"]
    until: float | None
    """Monotonic time at which the call is given up."""
    web: bool
    """Whether text of trust `web` has been read in this thread."""


def merge_results(old: dict[str, Result] | None, new: dict[str, Result] | None) -> dict[str, Result]:
    """Reducer of `results`: the calls of a step add up, `None` clears them.

    >>> merge_results({"a": 1}, {"b": 2}), merge_results({"a": 1}, None)
    ({'a': 1, 'b': 2}, {})
    """
    return {} if new is None else {**(old or {}), **new}


class Turn(TypedDict, total=False):
    """The part of the state that each question starts anew; nodes give the parts that they change."""

    number: int
    """Counts the questions of the thread from 1."""
    step: int
    """Messages of the model so far, the draft apart."""
    started: float
    """Monotonic time; moved on by a pause for approval."""
    offered: list[str]
    """The tools of this question."""
    withheld: list[str]
    """Those of them that the guard has taken away."""
    strikes: int
    calls_seen: list[SeenCall]
    draft: AIMessage | None
    text: str
    """The answer as it is shown."""
    citations: list[Citation]
    critiques: list[CritiqueNote]
    usage: Usage
    stop_reason: str


def merge_turn(old: Turn | None, new: Turn) -> Turn:
    """Reducer of `turn`: the parts that came replace those that were there.

    >>> merge_turn({"number": 1, "step": 2}, {"step": 3})
    {'number': 1, 'step': 3}
    """
    return {**(old or {}), **new}


class State(TypedDict, total=False):
    """The channels of the graph."""

    messages: Annotated[list[AnyMessage], add_messages]
    evidence: Annotated[list[Evidence], operator.add]
    contract: int
    left_out: LeftOut
    results: Annotated[dict[str, Result] | None, merge_results]
    turn: Annotated[Turn, merge_turn]


def new_turn(number: int, *, started: float, offered: Sequence[str]) -> Turn:
    """A turn as a question finds it."""
    return Turn(
        number=number, step=0, started=started, offered=list(offered), withheld=[], strikes=0, calls_seen=[],
        draft=None, text="", citations=[], critiques=[], usage=NO_USAGE, stop_reason="",
    )  # fmt: skip


def questions_in(messages: Sequence[AnyMessage]) -> int:
    """How many questions a thread has: the number of its last turn."""
    return sum(isinstance(message, HumanMessage) for message in messages)


_STARTED = "thread_start"


def mark_start(message: BaseMessage, start: str | None) -> None:
    """Write on a message when its thread began, in ISO form: the date that a model's chat template may print."""
    if start is not None:
        message.additional_kwargs[_STARTED] = start


def thread_start(messages: Sequence[BaseMessage]) -> str | None:
    """When a thread began; None where none of its messages says so.

    >>> question = HumanMessage("What day is it?")
    >>> mark_start(question, "2030-05-06T07:08:09+02:00")
    >>> thread_start([question])
    '2030-05-06T07:08:09+02:00'
    """
    return next((str(start) for message in messages if (start := message.additional_kwargs.get(_STARTED))), None)


def current_turn(messages: Sequence[AnyMessage]) -> list[AnyMessage]:
    """The messages from the last question on, the question included."""
    for place in range(len(messages) - 1, -1, -1):
        if isinstance(messages[place], HumanMessage):
            return list(messages[place:])
    return list(messages)


def text_of(message: AnyMessage) -> str:
    """The text of a message, whether its content is a string or a list of blocks."""
    return message.content if isinstance(message.content, str) else str(message.text)


def thought_of(message: AIMessage) -> str:
    """The free thought of a step: reasoning content, or the text beside calls."""
    thought = str(message.additional_kwargs.get("reasoning_content") or "")
    beside = text_of(message) if message.tool_calls or message.invalid_tool_calls else ""
    return "\n".join(part for part in (thought.strip(), beside.strip()) if part)


def steps_of(messages: Sequence[AnyMessage]) -> list[Step]:
    """The calls of the last turn and what came of them; calls without a result are left out."""
    turn = current_turn(messages)
    observed = {message.tool_call_id: text_of(message) for message in turn if isinstance(message, ToolMessage)}
    asked = [message for message in turn if isinstance(message, AIMessage) and message.tool_calls]
    steps = []
    for place, message in enumerate(asked, 1):
        step, thought = _step_of(message, place), thought_of(message)
        for call in message.tool_calls:
            if (call["id"] or "") in observed:
                steps.append(Step(step=step, thought=thought, tool=call["name"], args=call["args"], observation=observed[call["id"] or ""]))
    return steps


def _step_of(message: AIMessage, place: int) -> int:
    """The step in a message's id; its place for messages that came into the thread by another way."""
    _, _, step = (message.id or "").partition(".")
    return int(step) if step.isdigit() else place


def to_answer(
    messages: Sequence[AnyMessage], turn: Turn, *, stop_reason: str = "", pending: Sequence[Mapping[str, Any]] = ()
) -> Answer:
    """The answer that a thread and its turn hold; `stop_reason` is given for a run that was cut short."""
    draft = turn.get("draft")
    return Answer(
        text=turn.get("text") or (parse_citations(text_of(draft))[0] if draft is not None else ""),
        citations=tuple(turn.get("citations", ())),
        steps=tuple(steps_of(messages)),
        critiques=tuple(turn.get("critiques", ())),
        stop_reason=stop_reason or turn.get("stop_reason") or "answered",
        usage=turn.get("usage", NO_USAGE),
        pending=tuple(pending),
    )


def checkpoint_types() -> list[tuple[str, str]]:
    """The classes that a checkpoint may hold, for the serializer's allow-list."""
    return [(kind.__module__, kind.__name__) for kind in (AIMessage, HumanMessage, SystemMessage, ToolMessage)]
