"""The decode loop: sampling under a grammar, forced tokens in one batch, and calls that are never cut.

Inside a call a way to finish it within the token limit is known at every token: a token is tried on a copy of the matcher
(some microseconds) and refused where the shortest completion behind it would not fit. The completion that was known before
mostly fits still, so that a new one is rarely looked for. Answers and thoughts may be cut anywhere, but near the limit
citations are finished like calls.
"""

import itertools
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from llguidance import LLMatcher

from agentkit.errors import ModelError
from agentkit.models.completion import allowed_tokens, cheapest_completion, remainder
from agentkit.models.context import Context, Slot
from agentkit.models.refusal import Refusal
from agentkit.models.weights import Weights

__all__ = ["Bounds", "Generated", "Sampling", "compile_grammar", "generate"]

Array = np.ndarray[Any, np.dtype[Any]]

_TRIES = 32
"""Tokens that are tried before the known completion is followed."""

_PIECE = 256
"""Tokens of a prompt that are read between two looks at the cancel flag."""


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How a token is chosen from its logits; temperature 0 takes the best one."""

    temperature: float = 0.0
    top_k: int = 40
    top_p: float = 0.95
    min_p: float = 0.05
    repeat_penalty: float = 1.0
    seed: int | None = None

    @property
    def greedy(self) -> bool:
        """Whether nothing is left to chance."""
        return self.temperature <= 0 or self.top_k == 1


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """What may not be cut by the token limit."""

    must_finish: Callable[[bytes, int], bool] = lambda text, room: False
    """Says of the text so far whether it may not be cut here (inside a call, inside a citation) with so many tokens left."""
    endings: Callable[[bytes], Sequence[str]] = lambda text: ()
    """Short texts that may finish what must be finished, given the text so far."""
    slack: int = 256
    """With more tokens left than this, a step goes on even where no way to finish it was found yet."""


@dataclass
class Generated:
    """What was generated and what it cost; `tokens` are without the end token."""

    tokens: list[int] = field(default_factory=list)
    finish_reason: str = "stop"
    prompt_tokens: int = 0
    cached_tokens: int = 0


def compile_grammar(weights: Weights, grammar: str) -> LLMatcher:
    """A fresh matcher at the start of a grammar; compiled once, copied each time."""

    def compiled() -> LLMatcher:
        matcher = LLMatcher(weights.constraint_tokenizer, LLMatcher.grammar_from_lark(grammar), log_level=0)
        if matcher.is_error():
            raise ModelError(f"the grammar of this step does not compile: {matcher.get_error()}")
        return matcher

    return weights.remember(("grammar", grammar), compiled).deep_copy()


class _Chooser:
    """Chooses the next token by logits and grammar, and keeps what must be finished completable."""

    def __init__(self, weights: Weights, matcher: LLMatcher | None, sampling: Sampling, limit: int, bounds: Bounds) -> None:
        self.weights, self.matcher, self.sampling, self.limit, self.bounds = weights, matcher, sampling, limit, bounds
        self.random = np.random.default_rng(sampling.seed)
        self.tokens: list[int] = []
        self.text = b""
        self.completion: list[int] | None = None
        """A way to finish from here; None where nothing must be finished, or where none is known."""
        self._next: list[int] | None = None
        """The same behind the tokens that were tried last."""

    @property
    def room(self) -> int:
        """Tokens that are left."""
        return self.limit - len(self.tokens)

    def begin(self) -> bool:
        """Whether something that the limit does not cut can be written at all."""
        if self.matcher is None or not self.bounds.must_finish(b"", self.limit):
            return True
        self.completion = cheapest_completion(self.matcher, self.weights, self.bounds.endings(b""))
        return self.completion is None or len(self.completion) <= self.limit

    def forced(self) -> list[int]:
        """Tokens that the grammar leaves no choice about."""
        if self.matcher is None:
            return []
        tokens: list[int] = self.matcher.compute_ff_tokens()
        return tokens if tokens and len(tokens) <= self.room and self._keeps(tokens) else []

    def choose(self, logits: Array) -> int | None:
        """The next token; an end token at the end; None where nothing can be written within the limit."""
        scores = self._penalised(logits)
        if self.matcher is None:
            return next(self._candidates(scores))
        if self.sampling.greedy:
            best = int(scores.argmax())  # usually the grammar allows it, and no mask is needed
            if self._allowed(best) and self._keeps([best]):
                return best
        scores = np.where(allowed_tokens(self.matcher, self.weights.n_vocab), scores, -np.inf)
        for token in itertools.islice(self._candidates(scores), _TRIES):
            if self._keeps([token]):
                return token
        if not self.completion:
            return None
        self._next = self.completion[1:]
        return self.completion[0]

    def take(self, tokens: Sequence[int]) -> None:
        """Consume tokens that `forced` or `choose` gave."""
        if self.matcher is not None and not self.matcher.consume_tokens(list(tokens)):
            raise ModelError(f"the grammar refused a token: {self.matcher.get_error()}")
        self.tokens += tokens
        self.text += self.weights.detokenize(tokens)
        self.completion, self._next = self._next, None

    def _allowed(self, token: int) -> bool:
        assert self.matcher is not None
        if token in self.weights.end_tokens:
            return bool(self.matcher.is_accepting())
        return bool(self.matcher.validate_tokens([token]) == 1)

    def _keeps(self, tokens: list[int]) -> bool:
        """Whether what must be finished can still be finished behind these tokens."""
        assert self.matcher is not None
        self._next = None
        text, room = self.text + self.weights.detokenize(tokens), self.room - len(tokens)
        if tokens[-1] in self.weights.end_tokens or not self.bounds.must_finish(text, room):
            return True
        after = self.matcher.deep_copy()
        if not after.consume_tokens(tokens):
            return False
        self._next = self._way(after, tokens, text)
        return room > self.bounds.slack if self._next is None else len(self._next) <= room

    def _way(self, after: LLMatcher, tokens: list[int], text: bytes) -> list[int] | None:
        """A completion behind some tokens: the known one or what is left of it, a new one where that is outdated."""
        if after.is_accepting():
            return []
        rest = remainder(after, self.weights, self.completion, tokens) if self.completion else None
        return rest if rest is not None else cheapest_completion(after, self.weights, self.bounds.endings(text))

    def _penalised(self, logits: Array) -> Array:
        if self.sampling.repeat_penalty == 1.0 or not self.tokens:
            return logits
        scores = logits.copy()
        seen = np.array(sorted(set(self.tokens[-64:])))
        scores[seen] = np.where(scores[seen] > 0, scores[seen] / self.sampling.repeat_penalty, scores[seen] * self.sampling.repeat_penalty)
        return scores

    def _candidates(self, scores: Array) -> Iterator[int]:
        """Tokens that are not barred in the order in which they are to be tried: drawn ones first, then by score."""
        scores = scores.copy()
        for token in () if self.sampling.greedy else self._drawn(scores):
            yield token
            scores[token] = -np.inf
        while np.isfinite(scores[best := int(scores.argmax())]):
            yield best
            scores[best] = -np.inf

    def _drawn(self, scores: Array) -> list[int]:
        """Some tokens, drawn without replacement (adding Gumbel noise and sorting does just that)."""
        sampling = self.sampling
        order = np.flatnonzero(np.isfinite(scores))
        if not len(order):
            return []
        order = order[_best(scores[order], sampling.top_k)]
        chances = np.exp((scores[order] - scores[order[0]]).astype(np.float64) / sampling.temperature)
        chances /= chances.sum()
        order = order[(np.cumsum(chances) - chances < sampling.top_p) & (chances >= sampling.min_p * chances[0]) & (chances > 0)]
        noisy = scores[order] / sampling.temperature + self.random.gumbel(size=len(order))
        return [int(token) for token in order[_best(noisy, _TRIES)]]


def _best(scores: Array, count: int) -> Array:
    """The indices of the highest scores, best first; of all for 0."""
    chosen = np.argpartition(scores, -count)[-count:] if 0 < count < len(scores) else np.arange(len(scores))
    return chosen[np.argsort(-scores[chosen], kind="stable")]


def generate(
    context: Context,
    prompt: Sequence[int],
    *,
    limit: int,
    grammar: str | None = None,
    sampling: Sampling | None = None,
    adapter: str | None = None,
    scale: float = 1.0,
    bounds: Bounds | None = None,
    refusal: Refusal | None = None,
    cancelled: threading.Event | None = None,
    on_tokens: Callable[[bytes], bool] = lambda piece: False,
) -> Generated:
    """Generate behind a prompt until an end token, the end of the grammar, the limit, or a stop.

    Args:
        context: where; its lock is taken.
        prompt: token ids.
        limit: tokens to generate at most.
        grammar: Lark; None generates freely.
        sampling: how to choose; greedy by default.
        adapter: path of a GGUF LoRA, applied with `scale`.
        bounds: what may not be cut by the limit.
        refusal: a sentence that is not begun unless it is likely enough.
        cancelled: looked at before every token.
        on_tokens: gets the bytes of each new piece; returns True to stop.
    """
    matcher = compile_grammar(context.weights, grammar) if grammar else None
    with context.lock:
        slot, cached = context.begin(prompt, adapter=adapter, scale=scale)
        result = Generated(prompt_tokens=len(prompt), cached_tokens=cached)
        limit = min(limit, context.n_ctx - len(prompt))
        chooser = _Chooser(context.weights, matcher, sampling or Sampling(), limit, bounds or Bounds())
        logits = _read(context, slot, prompt[cached:], cancelled)
        result.finish_reason = "cancelled" if logits is None else _loop(context, slot, chooser, logits, refusal, cancelled, on_tokens)
        result.tokens = chooser.tokens
        return result


def _read(context: Context, slot: Slot, tokens: Sequence[int], cancelled: threading.Event | None) -> Array | None:
    """Decode the new part of a prompt; None where it was cancelled before its end."""
    logits = None
    for start in range(0, len(tokens), _PIECE):
        if cancelled is not None and cancelled.is_set():
            return None
        logits = context.decode(slot, tokens[start : start + _PIECE])
    return logits


def _loop(
    context: Context,
    slot: Slot,
    chooser: _Chooser,
    logits: Array,
    refusal: Refusal | None,
    cancelled: threading.Event | None,
    on_tokens: Callable[[bytes], bool],
) -> str:
    ends = context.weights.end_tokens
    if not chooser.begin():
        return "length"
    while True:
        if cancelled is not None and cancelled.is_set():
            return "cancelled"
        if chooser.matcher is not None and chooser.matcher.is_stopped():
            return "stop"
        tokens = chooser.forced()
        if not tokens:
            token = chooser.choose(logits)
            if refusal is not None and token is not None and refusal.begun(chooser.text + context.weights.piece(token)):
                token = _reconsidered(context, slot, chooser, logits, token, refusal)
            if token is None or token in ends:
                return "length" if token is None else "stop"
            tokens = [token]
        if chooser.room < 1:
            return "length"
        chooser.take(tokens)
        if on_tokens(context.weights.detokenize(tokens)):
            return "stop"
        if chooser.room < 1:
            return "stop" if chooser.matcher is not None and chooser.matcher.is_accepting() else "length"
        logits = context.decode(slot, tokens)


def _reconsidered(context: Context, slot: Slot, chooser: _Chooser, logits: Array, token: int, refusal: Refusal) -> int | None:
    """The token with which a refusal would begin, or the next best one where the refusal is too unlikely."""
    if not context.weights.forgets_parts or chooser.room < 2:
        return token
    here = logits.copy()  # the view is overwritten by the next decode
    after = context.decode(slot, [token])
    second = int(after.argmax())
    share = _share(here, token) * _share(after, second)
    refuses = refusal.begun(chooser.text + context.weights.detokenize([token, second]))
    context.truncate(slot, len(slot.tokens) - 1)
    if not refuses or share >= refusal.threshold:
        return token
    here[token] = -np.inf
    return chooser.choose(here)


def _share(logits: Array, token: int) -> float:
    """The probability of a token."""
    return float(np.exp(logits[token] - logits.max()) / np.exp(logits - logits.max()).sum())
