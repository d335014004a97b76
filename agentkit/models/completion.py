"""Short ways to finish what a grammar has begun: what makes a call completable, and what a call costs at least."""

import itertools
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from llguidance import LLMatcher

from agentkit.models.weights import Weights

__all__ = ["allowed_tokens", "cheapest_completion", "finishes", "remainder"]

Array = np.ndarray[Any, np.dtype[Any]]

_CLOSERS = ('"}', '"]}', '"}}', '"', '"]', ' "', "}", "]}", "]", "}}", "{}", "[]", "\n", "null", " null", "false", "true", ", ")
_FILLERS = ("a@b.co", "a:b", "0", " 0", "1", " 1", "a")
_WORST = 400
"""Tokens after which the search for a completion gives up."""
_MASKS = 96
"""Masks that it computes at most."""


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


def remainder(matcher: LLMatcher, weights: Weights, completion: Sequence[int], written: Sequence[int]) -> list[int] | None:
    """What is left of a completion that was known before something was written: the rest of it, the whole, or an end of it.

    Args:
        matcher: where it stands behind what was written.
        weights: the model.
        completion: the tokens that would have finished.
        written: the tokens that were written instead.
    """
    if list(completion[: len(written)]) == list(written):
        return list(completion[len(written) :])
    whole, begun = weights.detokenize(completion), weights.detokenize(written)
    rest = [weights.tokenize(whole[len(begun) :].decode("utf-8", "replace"))] if whole.startswith(begun) else []
    ends = (list(completion[start:]) for start in range(min(len(completion), 24)))
    return next((tokens for tokens in itertools.chain(rest, ends) if finishes(matcher, tokens)), None)


def cheapest_completion(matcher: LLMatcher, weights: Weights, texts: Iterable[str] = ()) -> list[int] | None:
    """A short way from where a matcher stands to an end of its grammar, as tokens; None where none is found.

    Tries the given texts first. Else greedy: forced tokens, then whatever closes a string, an object or a list.
    """
    tried = sorted((weights.tokenize(text, special=True) for text in texts), key=len)
    known = next((tokens for tokens in tried if finishes(matcher, tokens)), None)
    if known is None:
        known = _close(matcher.deep_copy(), weights, _CLOSERS)
    # What closes an object is plain text inside a string: then only what ends a string closes.
    return known if known is not None else _close(matcher.deep_copy(), weights, tuple(text for text in _CLOSERS if '"' in text))


def _close(matcher: LLMatcher, weights: Weights, closers: tuple[str, ...]) -> list[int] | None:
    tokens: list[int] = []
    masks: list[Array] = []
    while len(tokens) < _WORST and len(masks) < _MASKS:
        if matcher.is_accepting() or matcher.is_stopped():
            return tokens
        step = matcher.compute_ff_tokens() or _first(matcher, closers, weights)
        if not step:
            now = allowed_tokens(matcher, weights.n_vocab)
            step = [] if masks else _first(matcher, _FILLERS, weights)
            step = step or _progress(now, masks[-1] if masks else None, tokens, weights)
            masks.append(now)
        if not step or not matcher.consume_tokens(step):
            return None
        tokens += step
    return None


def _first(matcher: LLMatcher, texts: tuple[str, ...], weights: Weights) -> list[int]:
    """The first of some texts that is allowed, as tokens."""
    known = weights.remember(texts, lambda: [weights.tokenize(text) for text in texts])
    return next((tokens for tokens in known if matcher.validate_tokens(tokens) == len(tokens)), [])


def _progress(now: Array, before: Array | None, written: Sequence[int], weights: Weights) -> list[int]:
    """A token that leads out of a loop such as `[a-z]+@`: one that was not allowed a step ago, else one not written yet."""
    ids = np.flatnonzero(now)
    closers = [tokens[0] for tokens in weights.remember("closing", lambda: [weights.tokenize(text) for text in "}]"])]
    known = before[ids] if before is not None else np.zeros(len(ids), dtype=np.bool_)
    order = ids[np.lexsort((ids, ~np.isin(ids, closers), np.isin(ids, written), known))]
    return next(([int(token)] for token in order if token not in weights.end_tokens), [])
