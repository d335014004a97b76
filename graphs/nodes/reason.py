"""The model's turn: a message with calls, or a draft of the answer."""

import functools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, messages_from_dict, messages_to_dict
from langgraph.runtime import Runtime

from agentkit.answer import Call, Thought, Token, Usage
from agentkit.contract import CONTRACT, ToolSpec
from agentkit.graphs.guard import STRIKES_TO_ANSWER
from agentkit.graphs.nodes.answer import from_what_was_seen
from agentkit.graphs.nodes.speak import Request, Spoken, settle, speak
from agentkit.graphs.parts import Node, Parts, RunContext, context_of
from agentkit.graphs.prompt import fit_prompt, prompt_tokens
from agentkit.graphs.tokens import counter_of, window_of
from agentkit.portal import in_thread
from agentkit.record import compact, offered
from agentkit.state import NOTHING_LEFT_OUT, LeftOut, State, Turn, new_turn, questions_in, text_of, thought_of

__all__ = ["due_reason", "reason_node", "tokens_left"]

LEAST_ROOM, MOST_ROOM = 32, 1024
"""Tokens of the window that are kept free for the model's output."""
COUNTED_HERE = 50_000
"""Characters of a thread that are counted on the event loop: some milliseconds."""


@dataclass(frozen=True, kw_only=True)
class _Plan:
    """What is asked of the model in a step."""

    due: str
    """Why an answer is forced; empty where it isn't."""
    prompt: list[AnyMessage]
    left_out: LeftOut
    limit: int | None
    until: float | None


def reason_node(parts: Parts) -> Node:
    """Make the node."""
    warm = False

    async def reason(state: State, *, runtime: Runtime[RunContext]) -> State:
        nonlocal warm
        run = context_of(runtime)
        if not run.prepared and (not warm or isinstance(state["messages"][-1], HumanMessage)):
            await in_thread(parts.warm)  # the bare graph, or a server's, where nothing may block
            warm = True
        turn = _turn(state, parts)
        step = turn["step"] + 1
        plan = await _planned(parts, state, turn, run)
        if run.tape is not None:
            shown: dict[str, Any] = {"messages": compact(plan.prompt), "withheld": turn["withheld"]}
            shown["offered"] = offered(_specs(parts, turn), withheld=turn["withheld"], answer_only=bool(plan.due))
            run.write("prompt", turn=turn["number"], step=step, **shown, due=plan.due, left_out=plan.left_out)
        began = time.monotonic()

        def on_text(text: str) -> None:
            run.written[step] = run.written.get(step, "") + text
            runtime.stream_writer(Token(step=step, text=text))

        spoken = await _spoken(parts, turn, plan, run, on_text)
        message = settle(spoken.message, turn=turn["number"], step=step, taken=_taken(state["messages"]))
        if plan.due and message.tool_calls:  # text beside calls is a thought, not the answer that was due
            message = message.model_copy(update={"tool_calls": [], "content": ""})
        if run.tape is not None:
            said: dict[str, Any] = {"message": messages_to_dict([message])[0], "cut": spoken.cut, "pieces": spoken.pieces}
            run.write("message", turn=turn["number"], step=step, **said, seconds=time.monotonic() - began)
        _tell(message, step, runtime)
        turn["usage"] = _used(turn["usage"], message, spoken, turn["started"])
        turn["usage"]["compactions"] += plan.left_out != (state.get("left_out") or NOTHING_LEFT_OUT)
        asked, outcome = _outcome(state, turn, plan, message, spoken.cut)
        return State(messages=asked, contract=CONTRACT, left_out=plan.left_out, results=None, turn={**turn, **outcome})

    return reason


def _turn(state: State, parts: Parts) -> Turn:
    """The turn as it is now: a new one where the last message is a question that was not begun."""
    number = questions_in(state["messages"])
    turn = state.get("turn") or {}
    if turn.get("number") == number and (turn.get("strikes") or not isinstance(state["messages"][-1], HumanMessage)):
        return Turn(**turn)
    return new_turn(number, started=time.monotonic(), offered=parts.tools.names())


def due_reason(parts: Parts, turn: Turn) -> str:
    """Why the next message must be the answer, or an empty string: the `stop_reason` that the answer will carry."""
    budget = parts.budget
    if turn["strikes"] >= STRIKES_TO_ANSWER:
        return turn["stop_reason"] or "no_progress"
    if turn["step"] >= budget.most_steps:
        return "max_steps"
    left = tokens_left(parts, turn)
    if left is not None and left <= budget.reserved_tokens:
        return "max_tokens"
    if budget.seconds is not None and time.monotonic() > turn["started"] + budget.seconds - budget.reserved_seconds:
        return "max_seconds"
    return ""


def tokens_left(parts: Parts, turn: Turn) -> int | None:
    """Tokens that the model may still write; `None` for no limit."""
    return None if parts.budget.tokens is None else max(0, parts.budget.tokens - turn["usage"]["output_tokens"])


async def _planned(parts: Parts, state: State, turn: Turn, run: RunContext) -> _Plan:
    """The plan, made outside of the event loop where counting its tokens may take long: other runs go on meanwhile."""
    plan = functools.partial(_plan, parts, state, turn, run)
    replayed = run.read("prompt", turn=turn["number"], step=turn["step"] + 1) is not None
    long = sum(len(text_of(message)) for message in state["messages"]) > COUNTED_HERE
    return await in_thread(plan) if not replayed and (long or _counts_prompts(parts.model())) else plan()


def _plan(parts: Parts, state: State, turn: Turn, run: RunContext) -> _Plan:
    recorded = run.read("prompt", turn=turn["number"], step=turn["step"] + 1)
    if recorded is not None:
        left_out: LeftOut = recorded["left_out"]
        prompt, _ = fit_prompt(state["messages"], instructions=parts.instructions, left_out=left_out, measure=_nothing, window=None, room=0)
        return _Plan(due=recorded["due"], prompt=prompt, left_out=left_out, limit=None, until=None)
    due = due_reason(parts, turn)
    left = tokens_left(parts, turn)
    if left is not None and not due:
        left -= parts.budget.reserved_tokens
    model = parts.model()
    window = window_of(model)
    measure = _nothing if window is None else _measure(parts, model)
    room = min(MOST_ROOM, max(LEAST_ROOM, (window or 0) // 4), left if left is not None else MOST_ROOM)
    prompt, left_out = fit_prompt(
        state["messages"],
        instructions=parts.instructions,
        left_out=state.get("left_out") or NOTHING_LEFT_OUT,
        measure=measure,
        window=window,
        room=room,
    )
    if window is not None:
        free = max(1, window - measure(prompt))
        left = free if left is None else min(left, free)
    seconds = parts.budget.seconds
    return _Plan(due=due, prompt=prompt, left_out=left_out, limit=left, until=None if seconds is None else turn["started"] + seconds)


def _nothing(prompt: list[AnyMessage]) -> int:
    return len(prompt)


def _measure(parts: Parts, model: BaseChatModel) -> Callable[[list[AnyMessage]], int]:
    if _counts_prompts(model):
        return lambda prompt: model.get_num_tokens_from_messages(list(prompt), parts.tools.tools())
    count = counter_of(model)
    specs = list(parts.specs.values())
    return lambda prompt: prompt_tokens(prompt, specs, count)


def _counts_prompts(model: BaseChatModel) -> bool:
    """Whether a model renders and counts a prompt itself: exact, and slow the first time, when it loads its weights."""
    own = type(model).get_num_tokens_from_messages
    return own is not BaseChatModel.get_num_tokens_from_messages and not own.__module__.startswith("langchain_")


async def _spoken(parts: Parts, turn: Turn, plan: _Plan, run: RunContext, on_text: Callable[[str], None]) -> Spoken:
    recorded = run.read("message", turn=turn["number"], step=turn["step"] + 1)
    if recorded is not None:
        return _recorded(recorded, on_text)
    if plan.limit == 0 or (plan.until is not None and time.monotonic() >= plan.until):
        return Spoken(message=AIMessage(""), cut=plan.due or "max_tokens")
    offered = [parts.tools.get(name) for name in turn["offered"]]
    request = Request(tools=offered, withheld=turn["withheld"], answer_only=bool(plan.due), limit=plan.limit, until=plan.until)
    return await speak(parts.model(), plan.prompt, request, on_text, bound=parts.bound)


def _specs(parts: Parts, turn: Turn) -> list[ToolSpec]:
    return [parts.specs[name] for name in turn["offered"] if name in parts.specs]


def _recorded(event: dict[str, Any], on_text: Callable[[str], None]) -> Spoken:
    (message,) = messages_from_dict([event["message"]])
    assert isinstance(message, AIMessage)
    if not message.tool_calls and text_of(message):
        on_text(text_of(message))
    return Spoken(message=message, cut=event["cut"], pieces=event["pieces"])


def _taken(messages: Sequence[AnyMessage]) -> set[str]:
    return {call["id"] or "" for message in messages if isinstance(message, AIMessage) for call in message.tool_calls}


def _tell(message: AIMessage, step: int, runtime: Runtime[RunContext]) -> None:
    thought = thought_of(message)
    if thought:
        runtime.stream_writer(Thought(step=step, text=thought))
    for call in message.tool_calls:
        runtime.stream_writer(Call(step=step, id=call["id"] or "", tool=call["name"], args=call["args"]))


def _used(usage: Usage, message: AIMessage, spoken: Spoken, started: float) -> Usage:
    """Usage so far and this message's; a model that reports none is counted by the pieces that arrived or its text."""
    reported = message.usage_metadata
    counted = max(spoken.pieces, len(text_of(message)) // 4)
    cached = (reported.get("input_token_details") or {}).get("cache_read", 0) if reported else 0
    return {
        "input_tokens": usage["input_tokens"] + (reported["input_tokens"] if reported else 0),
        "output_tokens": usage["output_tokens"] + (reported["output_tokens"] if reported else counted),
        "cached_tokens": usage["cached_tokens"] + (cached or 0),
        "seconds": time.monotonic() - started,
        "compactions": usage.get("compactions", 0),
    }


def _outcome(state: State, turn: Turn, plan: _Plan, message: AIMessage, cut: str) -> tuple[list[AnyMessage], Turn]:
    """What the message means for the run: calls to make, a draft, or nothing usable."""
    if message.tool_calls:
        return [message], Turn(step=turn["step"] + 1)
    if text_of(message).strip():
        return [], Turn(draft=message, stop_reason=plan.due or cut or "answered")
    if plan.due or cut == "max_seconds":
        text = from_what_was_seen(state["messages"])
        return [], Turn(draft=AIMessage(text, id=message.id), stop_reason=plan.due or cut)
    return [], Turn(strikes=STRIKES_TO_ANSWER, stop_reason=cut, step=turn["step"] + 1)
