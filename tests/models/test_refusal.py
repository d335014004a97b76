"""A refusal is begun only where it is likely enough."""

import threading
from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import pytest

from agentkit.contract import ANSWER, unanswerable
from agentkit.models.context import Context, Slot
from agentkit.models.decoding import generate
from agentkit.models.dialect import PlainDialect
from agentkit.models.refusal import Refusal
from agentkit.models.weights import Weights

REFUSED = f"{ANSWER}{unanswerable()}"
PROMPT = [1, 2, 3]


class Undecided:
    """A model that begins a refusal with a share of the probability, and else says "Six"."""

    def __init__(self, weights: Weights, share: float) -> None:
        self.weights, self.share = weights, share
        self.n_ctx, self.lock, self.decoded = 512, threading.Lock(), 0

    def begin(self, prompt: Sequence[int], *, adapter: str | None = None, scale: float = 1.0) -> tuple[Slot, int]:
        """An empty slot."""
        return Slot(0), 0

    def truncate(self, slot: Slot, length: int) -> int:
        """Forget what stands behind `length`."""
        del slot.tokens[length:]
        return length

    def decode(self, slot: Slot, tokens: Sequence[int]) -> "np.ndarray[Any, np.dtype[np.float32]]":
        """The logits behind the text so far."""
        slot.tokens.extend(tokens)
        self.decoded += len(tokens)
        text = self.weights.detokenize(slot.tokens[len(PROMPT) :]).decode()
        logits = np.full(self.weights.n_vocab, -30, dtype=np.float32)
        if text == ANSWER.rstrip():
            logits[self.token(" The")], logits[self.token(" Six")] = np.log(self.share), np.log(1 - self.share)
        elif REFUSED.startswith(text) and text != REFUSED:
            logits[self.token(REFUSED[len(text) :])] = 0
        else:
            logits[min(self.weights.end_tokens)] = 0
        return logits

    def token(self, text: str) -> int:
        """The first token of a text."""
        return self.weights.tokenize(text)[0]


@pytest.mark.parametrize(
    ("share", "threshold", "said"),
    [(0.9, 0.5, REFUSED), (0.6, 0.5, REFUSED), (0.6, 0.7, "Answer: Six"), (0.6, None, REFUSED), (0.2, 0.1, "Answer: Six")],
)
def test_a_refusal_needs_its_share(weights: Weights, dialect: PlainDialect, share: float, threshold: float | None, said: str) -> None:
    context = Undecided(weights, share)
    grammar = dialect.grammar([], choice="none", passages={1: "The hall has six doors."}, thought=False)
    refusal = None if threshold is None else Refusal(REFUSED.encode(), threshold)
    generated = generate(cast(Context, context), PROMPT, limit=40, grammar=grammar, refusal=refusal)
    assert weights.detokenize(generated.tokens).decode() == said
    assert generated.finish_reason == "stop"
