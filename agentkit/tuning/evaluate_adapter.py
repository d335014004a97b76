"""How well an adapter does on conversations that were held back.

    python -m agentkit.tuning.evaluate_adapter HELD_BACK.jsonl [--adapter FILE] [--limit N]

Each turn of the agent is asked for with what was said before it, as written; greedy, with the grammar that holds at run time.
"""

import argparse
import json
import random
import re
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage

from agentkit.contract import ToolSpec, parse_citations
from agentkit.tuning.base_weights import embedded_base
from agentkit.tuning.make_adapter import ADAPTER
from agentkit.tuning.rendering import to_messages
from agentkit.tuning.trajectory import Trajectory, read_trajectories

__all__ = ["Verdict", "evaluate", "judge", "main"]


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What is right in one turn; None where there was nothing of the kind to do."""

    kind: str
    act: bool
    """A call where a call was written, an answer where an answer was."""
    tool: bool | None = None
    args: bool | None = None
    answer: bool | None = None
    """All numbers, or three quarters of the words, of the written answer are in the given one."""
    cited: bool | None = None
    """The written citation's passage is cited."""


def judge(kind: str, written: AIMessage, given: AIMessage) -> Verdict:
    """Compare a given turn with the written one.

    >>> judge("chat", AIMessage("Hello!"), AIMessage("hello")).answer
    True
    """
    if written.tool_calls:
        want, got = written.tool_calls[0], given.tool_calls[0] if given.tool_calls else None
        tool = got is not None and got["name"] == want["name"]
        same = got is not None and json.dumps(got["args"], sort_keys=True).casefold() == json.dumps(want["args"], sort_keys=True).casefold()
        return Verdict(kind=kind, act=got is not None, tool=tool, args=tool and same)
    want_text, want_cited = parse_citations(str(written.content))
    got_text, got_cited = parse_citations(str(given.content))
    cited = {n for n, _ in want_cited} <= {n for n, _ in got_cited} if want_cited else None
    return Verdict(kind=kind, act=not given.tool_calls, answer=not given.tool_calls and _says(want_text, got_text), cited=cited)


def _says(written: str, given: str) -> bool:
    words = [re.findall(r"\w+(?:[.,]\d+)*", re.sub(r"\[\d+\]", "", text).casefold()) for text in (written, given)]
    numbers = [word for word in words[0] if word[0].isdigit()]
    if numbers:
        return set(numbers) <= set(words[1])
    return sum(word in words[1] for word in words[0]) >= 0.75 * len(words[0])


def evaluate(adapter: Path, held_back: Path, *, limit: int = 60, per_kind: bool = True) -> dict[str, Any]:
    """Shares of right turns by kind of conversation.

    Args:
        adapter: a GGUF LoRA for the embedded base.
        held_back: trajectories.
        limit: conversations, drawn evenly from the kinds by a seed.
        per_kind: False for one figure over all.
    """
    from agentkit.models.chat_llama_cpp import ChatLlamaCpp
    from agentkit.models.merge import merge_adapter

    trajectories = list(read_trajectories(held_back))
    random.Random(0).shuffle(trajectories)
    kinds = sorted({trajectory.kind for trajectory in trajectories})
    chosen = [t for kind in kinds for t in [t for t in trajectories if t.kind == kind][: max(1, limit // len(kinds))]]
    verdicts: list[Verdict] = []
    with tempfile.TemporaryDirectory() as folder:
        merged = Path(folder) / "merged.gguf"
        merge_adapter(embedded_base(), adapter, merged)
        model = ChatLlamaCpp(model_path=merged, thoughts=False, max_tokens=200)
        for trajectory in chosen:
            bound = model.bind_tools([_openai(tool) for tool in trajectory.tools])
            kind = trajectory.kind if per_kind else "all"
            verdicts += [judge(kind, wanted, _ask(bound, before)) for before, wanted in _turns(trajectory)]
    return _summary(verdicts)


def _turns(trajectory: Trajectory) -> Iterator[tuple[list[BaseMessage], AIMessage]]:
    """The turns that a model is to write, each behind what stands before it."""
    messages, weights = to_messages(trajectory)
    for i, (message, weight) in enumerate(zip(messages, weights, strict=True)):
        if weight and isinstance(message, AIMessage):
            yield messages[:i], message


def _ask(bound: Any, messages: Sequence[BaseMessage]) -> AIMessage:
    given = bound.invoke(list(messages))
    return given if isinstance(given, AIMessage) else AIMessage(str(given))


def _openai(tool: ToolSpec) -> dict[str, Any]:
    return {"type": "function", "function": {"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)}}


def _summary(verdicts: Sequence[Verdict]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for kind in sorted({verdict.kind for verdict in verdicts}):
        rows = [verdict for verdict in verdicts if verdict.kind == kind]
        found[kind] = {"turns": len(rows)}
        for name in ("act", "tool", "args", "answer", "cited"):
            values = [getattr(row, name) for row in rows if getattr(row, name) is not None]
            if values:
                found[kind][name] = f"{sum(values)}/{len(values)}"
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m agentkit.tuning.evaluate_adapter", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("held_back", type=Path)
    parser.add_argument("--adapter", type=Path, default=ADAPTER)
    parser.add_argument("--limit", type=int, default=60)
    options = parser.parse_args(arguments)
    print(json.dumps(evaluate(options.adapter, options.held_back, limit=options.limit), indent=1))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
