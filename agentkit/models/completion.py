"""Short ways to finish what a grammar has begun: what makes a call completable, and what a call costs at least."""

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from llguidance import LLMatcher

from agentkit.models.weights import Weights

__all__ = ["allowed_tokens", "cheapest_completion", "finishes", "rests"]

Array = np.ndarray[Any, np.dtype[Any]]

_CLOSERS = ('"}', '"]}', '"}}', '"', "}", "]", '"]', "}}", "{}", "[]", ' "', "\n", "null", " null", "false", "true", ", ")
_FILLERS = ("0", " 0", "1", " 1")
_STRUCTURE = re.compile(r'[,"}\]]')
_WORST = 400
"""Tokens after which the search for a completion gives up."""


def allowed_tokens(matcher: LLMatcher, n_vocab: int) -> Array:
    """The tokens that the grammar allows, bool [n_vocab]."""
    words = np.zeros((n_vocab + 31) // 32, dtype=np.int32)
    matcher.unsafe_compute_mask_ptr(words.ctypes.data, words.nbytes)
    return np.unpackbits(words.view(np.uint8), bitorder="little")[:n_vocab].view(np.bool_)


def finishes(matcher: LLMatcher, tokens: Sequence[int]) -> bool:
    """Whether these tokens lead from where a matcher stands to an end of its grammar."""
    if matcher.validate_tokens(list(tokens)) != len(tokens):
        return False
    ahead = matcher.deep_copy()
    return bool(ahead.consume_tokens(list(tokens)) and (ahead.is_accepting() or ahead.is_stopped()))


def rests(completion: str, written: str) -> Iterator[str]:
    """What may be left of a known completion when something was written: what follows it, or what follows the value that it replaced.

    >>> list(rests('3, "day": ""}', "17"))
    [', "day": ""}', '"day": ""}']
    """
    if completion.startswith(written):
        yield completion[len(written) :]
    yield from (completion[match.start() :] for match in itertools.islice(_STRUCTURE.finditer(completion, 1), 2))


def cheapest_completion(matcher: LLMatcher, weights: Weights, texts: Iterable[str] = ()) -> list[int] | None:
    """A short way from where a matcher stands to an end of its grammar, as tokens; None where none is found.

    Tries the given texts first. Else greedy: forced tokens, then whatever closes a string, an object or a list.
    """
    tried = sorted((weights.tokenize(text, special=True) for text in texts), key=len)
    known = next((tokens for tokens in tried if finishes(matcher, tokens)), None)
    return known if known is not None else _close(matcher.deep_copy(), weights)


def _close(matcher: LLMatcher, weights: Weights) -> list[int] | None:
    tokens: list[int] = []
    before: Array | None = None
    while len(tokens) < _WORST:
        if matcher.is_accepting() or matcher.is_stopped():
            return tokens
        step = matcher.compute_ff_tokens() or _first(matcher, _single(weights, _CLOSERS))
        if not step:
            now = allowed_tokens(matcher, weights.n_vocab)
            step = _first(matcher, _single(weights, _FILLERS)) if before is None else []
            step, before = step or _progress(now, before, weights), now
        if not step or not matcher.consume_tokens(step):
            return None
        tokens += step
    return None


def _single(weights: Weights, texts: tuple[str, ...]) -> tuple[int, ...]:
    """Those of the texts that are one token, as tokens."""

    def found() -> tuple[int, ...]:
        return tuple(tokens[0] for tokens in map(weights.tokenize, texts) if len(tokens) == 1)

    return weights.remember(texts, found)


def _first(matcher: LLMatcher, tokens: Sequence[int]) -> list[int]:
    return next(([token] for token in tokens if matcher.validate_tokens([token]) == 1), [])


def _progress(now: Array, before: Array | None, weights: Weights) -> list[int]:
    """A token that was not allowed one step ago, since only such a one can leave a loop like `[a-z]+@`; else any."""
    choices = [now] if before is None else [now & ~before, now]
    ids = itertools.chain.from_iterable(np.flatnonzero(choice) for choice in choices)
    return next(([int(token)] for token in ids if token not in weights.end_tokens), [])
