"""What the model reads of its calls: in their order, cut to size, passages numbered, repeats answered with a hint."""

import time
from dataclasses import asdict, dataclass
from typing import Any, Literal

from langchain_core.messages import AIMessage, AnyMessage, ToolMessage
from langgraph.runtime import Runtime

from agentkit import contract
from agentkit.answer import Observation, Passage
from agentkit.graphs.guard import STRIKES_TO_WITHHOLD, call_key, digest_of
from agentkit.graphs.parts import Node, Parts, RunContext, context_of
from agentkit.graphs.tokens import Counter, counter_of, cut_to, head_of, window_of
from agentkit.state import Evidence, Result, SeenCall, State, Turn

__all__ = ["observe_node"]

PART_OF_WINDOW = 3
"""The results of one message together take at most this fraction of the context window: 1 / 3."""
LEAST_TOKENS = 16


@dataclass(frozen=True, kw_only=True)
class _Shown:
    """A result as it is shown: its text, its numbered passages, and how much was cut."""

    text: str
    passages: list[Passage]
    left_out: int
    """Tokens that were cut."""
    heads: list[str]
    """What is left of each text, where something was cut."""


def observe_node(parts: Parts) -> Node:
    """Make the node."""

    async def observe(state: State, *, runtime: Runtime[RunContext]) -> State:
        run = context_of(runtime)
        asked = state["messages"][-1]
        assert isinstance(asked, AIMessage)
        results = state["results"] or {}
        place = {"turn": state["turn"]["number"], "step": state["turn"]["step"]}
        evidence: list[Evidence] = []
        messages: list[AnyMessage] = []
        seen: list[SeenCall] = []
        turn, first = state["turn"], len(state.get("evidence") or []) + 1
        for index, call in enumerate(asked.tool_calls):
            result = results[call["id"] or ""]
            recorded = run.read("observation", **place, call=index)
            shown = _show(parts, call["name"], result, first + len(evidence), len(asked.tool_calls), recorded)
            status: Literal["success", "error"] = "error" if result["status"] == "error" else "success"
            messages.append(_message(call, shown, status, f"{place['turn']}.{place['step']}.{index}"))
            evidence += [_evidence(parts, call, passage) for passage in shown.passages]
            seen.append(_seen(call, result))
            if run.tape is not None:
                run.write("observation", **place, call=index, id=call["id"], **asdict(shown))
            runtime.stream_writer(Observation(step=place["step"], id=call["id"] or "", tool=call["name"], text=shown.text, status=status))
        return State(
            messages=messages,
            evidence=evidence,
            results=None,  # the reducer's word for "clear"
            turn={
                "calls_seen": [*turn["calls_seen"], *seen],
                "usage": {**turn["usage"], "seconds": time.monotonic() - turn["started"]},
                **_strikes(turn, seen, withheld_call=any(call["name"] in turn["withheld"] for call in asked.tool_calls)),
            },
        )

    return observe


def _show(parts: Parts, tool: str, result: Result, first: int, calls: int, recorded: dict[str, Any] | None) -> _Shown:
    """Render a result, cut to its budget; a replay cuts where the recorded run did."""
    if result["status"] == "hint":
        return _Shown(text=contract.render_repeated(tool), passages=[], left_out=0, heads=[])
    texts = [str(passage["text"]) for passage in result["passages"]] if "passages" in result else [result["text"]]
    if recorded is not None:
        heads, left_out = recorded["heads"] or texts, recorded["left_out"]
    else:
        model = parts.model()
        heads, left_out = _cut(texts, _limit(parts, tool, calls, window_of(model)), counter_of(model))
    kept = heads if left_out else []
    note = f"\n{contract.render_cut(left_out)}" if left_out else ""
    if "passages" in result:
        passages = [
            Passage(n=first + place, source=passage["source"], location=passage["location"], text=head)
            for place, (passage, head) in enumerate(zip(result["passages"], heads, strict=False))
        ]
        text = contract.render_passages(tool, passages) if passages else contract.render_no_passages(tool)
        return _Shown(text=text + note, passages=passages, left_out=left_out, heads=kept)
    render = contract.render_error if result["status"] == "error" else contract.render_result
    return _Shown(text=render(tool, "".join(heads) + note), passages=[], left_out=left_out, heads=kept)


def _limit(parts: Parts, tool: str, calls: int, window: int | None) -> int:
    cap = parts.tools.policy(tool).max_result_tokens if tool in parts.tools else 400
    return cap if window is None else max(LEAST_TOKENS, min(cap, window // PART_OF_WINDOW // calls))


def _cut(texts: list[str], limit: int, count: Counter) -> tuple[list[str], int]:
    if len(texts) == 1:
        end = cut_to(texts[0], limit, count)
        return [texts[0][:end]], (max(1, count(texts[0]) - count(texts[0][:end])) if end < len(texts[0]) else 0)
    return head_of(texts, limit, count)


def _message(call: Any, shown: _Shown, status: Literal["success", "error"], id_: str) -> ToolMessage:
    artifact = {"passages": shown.passages} if shown.passages else None
    return ToolMessage(shown.text, name=call["name"], tool_call_id=call["id"], status=status, artifact=artifact, id=id_)


def _evidence(parts: Parts, call: Any, passage: Passage) -> Evidence:
    return Evidence(**passage, call=call["id"], trust=parts.tools.policy(call["name"]).trust)


def _seen(call: Any, result: Result) -> SeenCall:
    whole = result["text"] if "passages" not in result else "\n".join(str(passage) for passage in result["passages"])
    return SeenCall(
        key=call_key(call["name"], call["args"]), tool=call["name"], status=result["status"], digest=digest_of(whole), ran=result["ran"]
    )


def _strikes(turn: Turn, seen: list[SeenCall], *, withheld_call: bool) -> Turn:
    """One strike for a step in which nothing new was tried; tools are withheld from the second on."""
    idle = all(item["status"] == "hint" or item["tool"] in turn["withheld"] for item in seen)
    if not idle:
        return Turn()
    strikes = turn["strikes"] + 1
    if withheld_call:
        strikes = max(strikes, STRIKES_TO_WITHHOLD + 1)
    if strikes < STRIKES_TO_WITHHOLD:
        return Turn(strikes=strikes)
    return Turn(strikes=strikes, withheld=sorted({*turn["withheld"], *(item["tool"] for item in seen)}))
