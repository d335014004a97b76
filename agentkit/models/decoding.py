"""The decode loop: sampling under a grammar, forced tokens in one batch, and calls that are never cut.

A call may only be begun, and may only go on, while a way to finish it within the token limit is known. Far from the limit
that costs nothing; near it each token is tried on a copy of the matcher (0.5 microseconds) and refused where the shortest
completion behind it would not fit. Answers and thoughts may be cut at any token, citations are closed like calls.
"""

import itertools
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from llguidance import LLMatcher

from agentkit.errors import ModelError
from agentkit.models.context import Context, Slot
from agentkit.models.weights import Weights

__all__ = ["Bounds", "Generated", "Sampling", "cheapest_completion", "compile_grammar", "generate"]

Array = np.ndarray[Any, np.dtype[Any]]

_CLOSERS = (
    '"}',
    '"]}',
    '"}}',
    '"',
    "}",
    "]",
    '"]',
    "}}",
    "{}",
    "[]",
    ' "',
    "\n",
    "null",
    "false",
    "true",
    "0",
    "1",
    " 0",
    " 1",
    " null",
    ", ",
)
_WORST_COMPLETION = 400
"""Tokens after which the search for a completion gives up."""


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How a token is chosen from its logits; temperature 0 takes the best one."""

    temperature: float = 0.0
    top_k: int = 40
    top_p: float = 0.95
    min_p: float = 0.05
    repeat_penalty: float = 1.0
    seed: int | None = None


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """What may not be cut by the token limit."""

    must_finish: Callable[[bytes], bool] = lambda text: False
    """Says of the text so far whether it may not be cut here (inside a call, inside a citation)."""
    near: int = 0
    """How many tokens before the limit completions begin to be looked at; at least the cost of a call."""
    endings: Callable[[bytes], Sequence[str]] = lambda text: ()
    """Short texts that may finish what must be finished, given the text so far."""


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


def cheapest_completion(matcher: LLMatcher, weights: Weights, endings: Sequence[str] = ()) -> list[int] | None:
    """A short way from where a matcher stands to an end of its grammar, as tokens; None where none is found.

    Tries the given texts first. Else greedy: forced tokens, then whatever closes a string, an object or a list first.
    """
    tried = sorted((weights.tokenize(ending, special=True) for ending in endings), key=len)
    known = next((tokens for tokens in tried if matcher.validate_tokens(tokens) == len(tokens)), None)
    return known if known is not None else _close(matcher.deep_copy(), weights)


def _close(matcher: LLMatcher, weights: Weights) -> list[int] | None:
    tokens: list[int] = []
    closers = _closing_tokens(weights)
    while len(tokens) < _WORST_COMPLETION:
        if matcher.is_accepting() or matcher.is_stopped():
            return tokens
        forced = matcher.compute_ff_tokens()
        step = forced or _first_allowed(matcher, closers, weights)
        if not step or not matcher.consume_tokens(step):
            return None
        tokens += step
    return None


def _closing_tokens(weights: Weights) -> tuple[int, ...]:
    def found() -> tuple[int, ...]:
        pieces = [weights.tokenize(text) for text in _CLOSERS]
        return tuple(tokens[0] for tokens in pieces if len(tokens) == 1)

    return weights.remember("closers", found)


def _first_allowed(matcher: LLMatcher, closers: Sequence[int], weights: Weights) -> list[int]:
    for token in closers:
        if matcher.validate_tokens([token]) == 1:
            return [token]
    allowed = (int(token) for token in np.flatnonzero(_mask(matcher, weights.n_vocab)) if token not in weights.end_tokens)
    return list(itertools.islice(allowed, 1))


def _mask(matcher: LLMatcher, n_vocab: int) -> Array:
    """The tokens that the grammar allows, bool [n_vocab]."""
    words = np.zeros((n_vocab + 31) // 32, dtype=np.int32)
    matcher.unsafe_compute_mask_ptr(words.ctypes.data, words.nbytes)
    return np.unpackbits(words.view(np.uint8), bitorder="little")[:n_vocab].astype(bool)


class _Chooser:
    """Chooses the next token by logits and grammar, and keeps a call completable."""

    def __init__(self, weights: Weights, matcher: LLMatcher | None, sampling: Sampling, limit: int, bounds: Bounds) -> None:
        self.weights, self.matcher, self.sampling = weights, matcher, sampling
        self.limit, self.bounds, self.near = limit, bounds, bounds.near
        self.random = np.random.default_rng(sampling.seed)
        self.tokens: list[int] = []
        self.completion: list[int] | None = None

    def forced(self) -> list[int]:
        """Tokens that the grammar leaves no choice about."""
        if self.matcher is None:
            return []
        tokens: list[int] = self.matcher.compute_ff_tokens()
        room = self.limit - len(self.tokens)
        if len(tokens) > room or (tokens and room <= self.near and not self._fits(tokens)):
            return []
        return tokens

    def choose(self, logits: Array) -> int | None:
        """The next token; an end token at the end; None where nothing can be written within the limit."""
        if self.matcher is None:
            return self._sample(self._penalised(logits))
        scores = self._penalised(logits)
        if self.sampling.temperature <= 0 and self.limit - len(self.tokens) > self.near:
            best = int(scores.argmax())  # usually the grammar allows it, and no mask is needed
            if self._allowed(best):
                return best
        scores = np.where(_mask(self.matcher, self.weights.n_vocab), scores, -np.inf)
        for _ in range(64):
            token = self._sample(scores)
            if not np.isfinite(scores[token]):
                return None
            if token in self.weights.end_tokens or self.limit - len(self.tokens) > self.near or self._fits([token]):
                return token
            if self.completion:
                return self.completion[0]
            scores = scores.copy()
            scores[token] = -np.inf
        return None

    def take(self, tokens: Sequence[int]) -> None:
        """Consume tokens."""
        if self.matcher is not None and not self.matcher.consume_tokens(list(tokens)):
            raise ModelError(f"the grammar refused a token: {self.matcher.get_error()}")
        self.tokens += tokens
        if self.completion is not None:
            same = self.completion[: len(tokens)] == list(tokens)
            self.completion = self.completion[len(tokens) :] if same else None

    def _allowed(self, token: int) -> bool:
        assert self.matcher is not None
        if token in self.weights.end_tokens:
            return bool(self.matcher.is_accepting())
        return bool(self.matcher.validate_tokens([token]) == 1)

    def _fits(self, tokens: list[int]) -> bool:
        """Whether what must be finished can still be finished behind these tokens."""
        assert self.matcher is not None
        text = self.weights.detokenize([*self.tokens, *tokens])
        if not self.bounds.must_finish(text):
            return True
        after = self.matcher.deep_copy()
        if not after.consume_tokens(tokens):
            return False
        completion = cheapest_completion(after, self.weights, self.bounds.endings(text))
        if completion is None or len(self.tokens) + len(tokens) + len(completion) > self.limit:
            return False
        self.completion = [*tokens, *completion]
        return True

    def _penalised(self, logits: Array) -> Array:
        if self.sampling.repeat_penalty == 1.0 or not self.tokens:
            return logits
        scores = logits.copy()
        seen = np.array(sorted(set(self.tokens[-64:])))
        scores[seen] = np.where(scores[seen] > 0, scores[seen] / self.sampling.repeat_penalty, scores[seen] * self.sampling.repeat_penalty)
        return scores

    def _sample(self, scores: Array) -> int:
        sampling = self.sampling
        if sampling.temperature <= 0:
            return int(scores.argmax())
        order = np.argsort(-scores)[: sampling.top_k or len(scores)]
        chances = np.exp((scores[order] - scores[order[0]]) / sampling.temperature)
        chances /= chances.sum()
        keep = (np.cumsum(chances) - chances < sampling.top_p) & (chances >= sampling.min_p * chances[0])
        chances = np.where(keep, chances, 0.0)
        return int(self.random.choice(order, p=chances / chances.sum()))


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
        cancelled: looked at before every token.
        on_tokens: gets the bytes of each new piece; returns True to stop.
    """
    with context.lock:
        slot, cached = context.begin(prompt, adapter=adapter, scale=scale)
        logits = context.decode(slot, prompt[cached:])
        result = Generated(prompt_tokens=len(prompt), cached_tokens=cached)
        limit = min(limit, context.n_ctx - len(prompt))
        matcher = compile_grammar(context.weights, grammar) if grammar else None
        chooser = _Chooser(context.weights, matcher, sampling or Sampling(), limit, bounds or Bounds())
        result.finish_reason = _loop(context, slot, chooser, logits, cancelled, on_tokens)
        result.tokens = chooser.tokens
        return result


def _loop(
    context: Context, slot: Slot, chooser: _Chooser, logits: Array, cancelled: threading.Event | None, on_tokens: Callable[[bytes], bool]
) -> str:
    ends = context.weights.end_tokens
    while True:
        if cancelled is not None and cancelled.is_set():
            return "cancelled"
        if chooser.matcher is not None and chooser.matcher.is_stopped():
            return "stop"
        tokens = chooser.forced()
        if not tokens:
            token = chooser.choose(logits)
            if token is None or token in ends:
                return "length" if token is None else "stop"
            tokens = [token]
        if len(chooser.tokens) + len(tokens) > chooser.limit:
            return "length"
        chooser.take(tokens)
        if on_tokens(context.weights.detokenize(tokens)):
            return "stop"
        if len(chooser.tokens) == chooser.limit:
            return "stop" if chooser.matcher is not None and chooser.matcher.is_accepting() else "length"
        logits = context.decode(slot, tokens)
