"""Walks through real token masks at random: the decode loop with the real vocabulary and, for a model, random logits."""

import json
import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import jsonschema
import numpy as np
from langchain_core.messages import AIMessage

from agentkit.contract import ToolSpec
from agentkit.models.context import Context, Slot
from agentkit.models.decoding import Generated, Sampling, generate
from agentkit.models.dialect import Dialect
from agentkit.models.turn import Writer, call_bounds, finish
from agentkit.models.weights import Weights

__all__ = ["CITING", "Favoured", "RandomContext", "Walk", "check_message", "spec", "take_walk"]

CITING = (" [", "[", "1", "2", "3", ":", ' "', '"', '"]')
"""Tokens of which citations are made."""

CITATION = re.compile(r'\[(\d{1,4}): ("(?:[^"\\]|\\.)*")\]')


Favoured = str | tuple[str, ...]
"""What chance favours: tokens with one of these characters, or exactly these tokens."""


class RandomContext:
    """A context whose model is chance: what `generate` needs of one, thousands of tokens in a second."""

    def __init__(self, weights: Weights, *, seed: int, favoured: Favoured = "", bonus: float = 6.0, n_ctx: int = 8192) -> None:
        self.weights, self.n_ctx, self.lock, self.decoded = weights, n_ctx, threading.Lock(), 0
        self._random = np.random.default_rng(seed)
        self._bonus = weights.remember(("bonus", favoured, bonus), lambda: _bonus(weights, favoured, bonus))
        self._pool = weights.remember("pool", lambda: np.random.default_rng(0).standard_normal(2 * weights.n_vocab).astype(np.float32))

    def begin(self, prompt: Sequence[int], *, adapter: str | None = None, scale: float = 1.0) -> tuple[Slot, int]:
        """An empty slot."""
        return Slot(0), 0

    def decode(self, slot: Slot, tokens: Sequence[int]) -> "np.ndarray[Any, np.dtype[np.float32]]":
        """Other logits each time."""
        slot.tokens.extend(tokens)
        self.decoded += len(tokens)
        start = int(self._random.integers(self.weights.n_vocab))
        logits: np.ndarray[Any, np.dtype[np.float32]] = self._pool[start : start + self.weights.n_vocab] + self._bonus
        return logits


def _bonus(weights: Weights, favoured: Favoured, bonus: float) -> Any:
    marks = [mark.encode() for mark in favoured]
    whole = isinstance(favoured, tuple)
    holds = [piece in marks if whole else any(mark in piece for mark in marks) for piece in weights.pieces]
    return np.where(holds, np.float32(bonus), np.float32(0))


@dataclass(frozen=True)
class Walk:
    """What came out of one walk."""

    text: str
    message: AIMessage
    generated: Generated
    stream: Sequence[Any] = field(default_factory=tuple)


def spec(name: str, parameters: Mapping[str, Any]) -> ToolSpec:
    """A tool of a schema."""
    return ToolSpec(name=name, description="", parameters=parameters)


def take_walk(
    weights: Weights,
    dialect: Dialect,
    tools: Sequence[ToolSpec],
    *,
    limit: int,
    seed: int,
    choice: str = "auto",
    passages: Mapping[int, str] | None = None,
    thought: bool = True,
    favoured: Favoured = "",
    sampling: Sampling | None = None,
) -> Walk:
    """One step, written at random within its grammar."""
    grammar = dialect.grammar(tools, choice=choice, passages=passages or {}, thought=thought)
    chunks: list[Any] = []
    writer = Writer(parse=dialect.parse, emit=chunks.append)
    named = [tool for tool in tools if choice in ("auto", "any", tool.name)]
    generated = generate(
        cast(Context, RandomContext(weights, seed=seed, favoured=favoured)), [1, 2, 3], limit=limit, grammar=grammar, sampling=sampling,
        bounds=call_bounds(weights, dialect, named, forced=choice not in ("auto", "none")), on_tokens=writer.feed,
    )  # fmt: skip
    message = finish(writer, generated, fingerprint="", model_name="")
    return Walk(text=writer.text, message=message, generated=generated, stream=chunks)


def check_message(walk: Walk, tools: Sequence[ToolSpec], passages: Mapping[int, str], dialect: Dialect) -> None:
    """Whatever was drawn: arguments are valid, no call and no citation is cut, every quote is literal."""
    message, schemas = walk.message, {tool.name: tool.parameters for tool in tools}
    written = dialect.parse(walk.text)
    assert all(call.complete for call in written.calls), f"a call was cut: {walk.text!r}"
    for call in message.tool_calls:
        jsonschema.validate(call["args"], schemas[call["name"]], cls=jsonschema.Draft202012Validator)
        assert json.loads(json.dumps(call["args"], allow_nan=False)) == call["args"]
    if message.content:
        check_answer(str(message.content), passages)


def check_answer(answer: str, passages: Mapping[int, str]) -> None:
    """An answer begins with a character that is seen, and cites only what is there."""
    assert answer[0] > " " and not answer[0].isspace()
    rest = answer
    for match in CITATION.finditer(answer):
        quote = json.loads(match[2])
        assert quote in passages[int(match[1])], f"not a literal quote: {match[0]!r}"
        rest = rest.replace(match[0], "")
    assert not re.search(r'\[\d{1,4}: "', rest), f"a citation was cut or made up: {answer!r}"
