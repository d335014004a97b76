"""The state of the graph: what a thread keeps, and what each question starts anew.

```
thread  messages   evidence   contract   left_out
turn    turn   step   started   draft   results   calls_seen   offered   withheld   strikes
        text   citations   critiques   usage   stop_reason
```

Everything is plain data or a LangChain message, so that a strict checkpoint can hold it (`checkpoint_types`).
"""

import operator
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, NotRequired, TypedDict

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, SystemMessage, ToolMessage
from langgraph.graph.message import add_messages

from agentkit.answer import NO_USAGE, Answer, Citation, CritiqueNote, Passage, Step, Usage
from agentkit.contract import CONTRACT, parse_citations

__all__ = [
    "Evidence",
    "LeftOut",
    "Result",
    "SeenCall",
    "State",
    "ToolCallTask",
    "checkpoint_types",
    "current_turn",
    "merge_results",
    "new_turn",
    "steps_of",
    "text_of",
    "thought_of",
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


class State(TypedDict, total=False):
    """The channels of the graph."""

    messages: Annotated[list[AnyMessage], add_messages]
    evidence: Annotated[list[Evidence], operator.add]
    contract: int
    left_out: LeftOut
    turn: int
    step: int
    started: float
    draft: AIMessage | None
    results: Annotated[dict[str, Result] | None, merge_results]
    calls_seen: list[SeenCall]
    offered: list[str]
    withheld: list[str]
    strikes: int
    text: str
    citations: list[Citation]
    critiques: list[CritiqueNote]
    usage: Usage
    stop_reason: str


def new_turn(state: State, *, started: float, offered: Sequence[str]) -> State:
    """The channels of a turn as a question finds them; the turn counts from 1."""
    turn = sum(isinstance(message, HumanMessage) for message in state["messages"])
    return State(
        contract=CONTRACT,
        left_out=state.get("left_out") or {"pairs": 0, "turns": 0},
        turn=turn,
        step=0,
        started=started,
        draft=None,
        results=None,  # the reducer's word for "clear": a run may have been cut off
        calls_seen=[],
        offered=list(offered),
        withheld=[],
        strikes=0,
        text="",
        citations=[],
        critiques=[],
        usage=NO_USAGE,
        stop_reason="",
    )


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
    return [
        Step(step=_step_of(message, place), thought=thought_of(message), tool=call["name"], args=call["args"], observation=observed[call["id"] or ""])
        for place, message in enumerate(asked, 1)
        for call in message.tool_calls
        if (call["id"] or "") in observed
    ]


def _step_of(message: AIMessage, place: int) -> int:
    """The step in a message's id; its place for messages that came into the thread by another way."""
    _, _, step = (message.id or "").partition(".")
    return int(step) if step.isdigit() else place


def to_answer(state: Mapping[str, Any], *, stop_reason: str = "", pending: Sequence[Mapping[str, Any]] = (), value: Any = None) -> Answer:
    """The answer that a state holds; `stop_reason` is given for a run that was cut short."""
    draft = state.get("draft")
    text = state.get("text") or (parse_citations(text_of(draft))[0] if draft is not None else "")
    return Answer(
        text=text,
        citations=tuple(state.get("citations") or ()),
        steps=tuple(steps_of(state.get("messages") or [])),
        critiques=tuple(state.get("critiques") or ()),
        stop_reason=stop_reason or state.get("stop_reason") or "answered",
        usage=state.get("usage") or NO_USAGE,
        pending=tuple(pending),
        value=value,
    )


def checkpoint_types() -> list[tuple[str, str]]:
    """The classes that a checkpoint may hold, for the serializer's allow-list."""
    return [(kind.__module__, kind.__name__) for kind in (AIMessage, HumanMessage, SystemMessage, ToolMessage)]
