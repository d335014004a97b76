"""The prompt of a step: system text, then the thread, shortened by whole pieces only where the window demands it.

A thread is a row of turns, a turn a question, pairs (a message with calls and its results) and an answer. Where the
whole does not fit, what goes first is the oldest pair of earlier turns, then the oldest earlier turn, then the oldest
pair of this turn; a note with their number stands behind the question they belonged to. What is left out stays left
out, and some room is made at once, so that prompts between two such moments extend each other.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, SystemMessage, ToolMessage

from agentkit.contract import ToolSpec, render_compaction, render_system, render_tools
from agentkit.errors import ContextOverflowError
from agentkit.state import LeftOut, mark_start, text_of, thread_start

__all__ = ["Turn", "build_prompt", "fit_prompt", "prompt_tokens", "split_turns"]

A_MESSAGE = 8
"""Tokens that a chat template puts around a message, at most."""
ROOM = 0.75
"""After something was left out the prompt takes at most this part of the window."""


@dataclass
class Turn:
    """A question and what followed it."""

    question: AnyMessage | None
    pairs: list[list[AnyMessage]] = field(default_factory=list)
    rest: list[AnyMessage] = field(default_factory=list)


def split_turns(messages: Sequence[AnyMessage]) -> list[Turn]:
    """The turns of a thread; calls that never got all their results (a run was cut off) are dropped."""
    answered = {message.tool_call_id for message in messages if isinstance(message, ToolMessage)}
    turns: list[Turn] = []
    for message in messages:
        if isinstance(message, HumanMessage) or not turns:
            turns.append(Turn(message if isinstance(message, HumanMessage) else None))
        if isinstance(message, HumanMessage):
            continue
        turn = turns[-1]
        if isinstance(message, AIMessage) and message.tool_calls:
            if all(call["id"] in answered for call in message.tool_calls):
                turn.pairs.append([message])
        elif isinstance(message, ToolMessage):
            _join(turn, message)
        else:
            turn.rest.append(message)
    return turns


def _join(turn: Turn, message: ToolMessage) -> None:
    asked = turn.pairs[-1][0] if turn.pairs else None
    if isinstance(asked, AIMessage) and message.tool_call_id in {call["id"] for call in asked.tool_calls}:
        turn.pairs[-1].append(message)


def build_prompt(messages: Sequence[AnyMessage], *, instructions: str, left_out: LeftOut) -> list[AnyMessage]:
    """The messages that are sent."""
    prompt: list[AnyMessage] = [SystemMessage(render_system(instructions), id="system")]
    mark_start(prompt[0], thread_start(messages))  # it stays when the first question is left out
    pairs_left = left_out["pairs"]
    for place, turn in enumerate(split_turns(messages)):
        hidden = turn.pairs[:pairs_left]
        pairs_left -= len(hidden)
        if place < left_out["turns"]:
            continue
        if turn.question is not None:
            prompt.append(_noted(turn.question, sum(len(pair) - 1 for pair in hidden)))
        for pair in turn.pairs[len(hidden) :]:
            prompt.extend(pair)
        prompt.extend(turn.rest)
    return prompt


def _noted(question: AnyMessage, calls: int) -> AnyMessage:
    if not calls:
        return question
    return HumanMessage(f"{text_of(question)}\n{render_compaction(calls)}", id=question.id)


def prompt_tokens(prompt: Sequence[AnyMessage], tools: Sequence[ToolSpec], count: Callable[[str], int]) -> int:
    """What a prompt takes of the window, tools included."""
    total = count(render_tools(tools)) + A_MESSAGE
    for message in prompt:
        total += count(text_of(message)) + A_MESSAGE
        if isinstance(message, AIMessage):
            calls = "\n".join(f"{call['name']} {json.dumps(call['args'], ensure_ascii=False)}" for call in message.tool_calls)
            total += count(calls) + count(str(message.additional_kwargs.get("reasoning_content") or ""))
    return total


def fit_prompt(
    messages: Sequence[AnyMessage],
    *,
    instructions: str,
    left_out: LeftOut,
    measure: Callable[[list[AnyMessage]], int],
    window: int | None,
    room: int,
) -> tuple[list[AnyMessage], LeftOut]:
    """The prompt, and what is left out of it, so that it and an output of `room` tokens fit the window.

    Args:
        messages: the thread.
        instructions: the user's lines for the system text.
        left_out: what was left out so far.
        measure: tokens of a prompt, tools included.
        window: tokens of the context window; `None` where it isn't known.
        room: tokens that the model must still be able to write.

    Raises:
        ContextOverflowError: system text, tools and question alone are too long.
    """
    prompt = build_prompt(messages, instructions=instructions, left_out=left_out)
    if window is None or measure(prompt) + room <= window:
        return prompt, left_out
    while (size := measure(prompt) + room) > int(window * ROOM):
        # room for later is made of everything but the newest pair; that goes only where it must
        more = _leave_out_more(split_turns(messages), left_out, kept=1 if size <= window else 0)
        if more is None:
            break
        left_out = more
        prompt = build_prompt(messages, instructions=instructions, left_out=left_out)
    size = measure(prompt)
    if size + min(room, A_MESSAGE) > window:
        raise ContextOverflowError(
            f"the question with system text and tools takes {size} tokens, the context window has {window} and the answer needs room too: "
            "ask a shorter question, offer fewer tools, or load the model with a larger n_ctx"
        )
    return prompt, left_out


def _leave_out_more(turns: Sequence[Turn], left_out: LeftOut, *, kept: int) -> LeftOut | None:
    """The next larger cut, or `None` when only the question is left, with `kept` pairs of its own."""
    earlier = sum(len(turn.pairs) for turn in turns[:-1])
    if left_out["pairs"] < earlier:
        return {"pairs": left_out["pairs"] + 1, "turns": left_out["turns"]}
    if left_out["turns"] < len(turns) - 1:
        return {"pairs": left_out["pairs"], "turns": left_out["turns"] + 1}
    if turns and left_out["pairs"] < earlier + len(turns[-1].pairs) - kept:
        return {"pairs": left_out["pairs"] + 1, "turns": left_out["turns"]}
    return None
