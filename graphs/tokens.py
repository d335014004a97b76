"""Counting tokens with the model's own tokenizer, and cutting text to a number of them."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

from langchain_core.language_models import BaseChatModel, BaseLanguageModel

__all__ = ["counter_of", "cut_to", "head_of", "window_of"]

Counter = Callable[[str], int]

A_WORD = 24
"""Characters that a cut may go back for the beginning of a word."""
COUNTED_AT_ONCE = 200_000
"""Characters; a longer text is counted by its beginning and scaled, so that a huge result costs no seconds."""


def counter_of(model: BaseChatModel | None) -> Counter:
    """The model's own count of tokens in a text; characters / 4 for a model without a tokenizer at hand.

    LangChain's default (GPT-2) and langchain-openai's (tiktoken) download their vocabulary, so neither is ever used.
    """
    own = getattr(model, "count_tokens", None)
    if own is None and isinstance(model, BaseChatModel) and _has_tokenizer(model):
        own = model.get_num_tokens
    count: Counter = own or (lambda text: -(-len(text) // 4))

    @functools.lru_cache(maxsize=4096)
    def counted(text: str) -> int:
        if len(text) <= COUNTED_AT_ONCE:
            return count(text)
        return count(text[:COUNTED_AT_ONCE]) * len(text) // COUNTED_AT_ONCE

    return counted


def _has_tokenizer(model: BaseChatModel) -> bool:
    if model.custom_get_token_ids is not None:
        return True
    for name in ("get_num_tokens", "get_token_ids"):
        method = getattr(type(model), name)
        if method is not getattr(BaseLanguageModel, name) and not method.__module__.startswith("langchain_"):
            return True
    return False


def window_of(model: BaseChatModel | None) -> int | None:
    """The model's context window in tokens, where it is known."""
    window: Any = getattr(model, "window", None) or getattr(model, "n_ctx", None)
    window = window() if callable(window) else window
    return window if isinstance(window, int) and window > 0 else None


def cut_to(text: str, limit: int, count: Counter) -> int:
    """The number of characters of `text` whose tokens are at most `limit`.

    >>> cut_to("one two three", 2, lambda text: len(text.split()))
    7
    """
    if len(text) <= limit or count(text) <= limit:
        return len(text)
    low, high = 0, min(len(text), 24 * max(limit, 1))
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if count(text[:middle]) <= limit else (low, middle - 1)
    return _word_end(text, low)


def _word_end(text: str, end: int) -> int:
    """A little earlier, where a word would be cut in two."""
    if not text[end].isspace():
        space = max(text.rfind(" ", max(0, end - A_WORD), end), text.rfind("\n", max(0, end - A_WORD), end))
        end = space if space > 0 else end
    return len(text[:end].rstrip())


def head_of(texts: Sequence[str], limit: int, count: Counter) -> tuple[list[str], int]:
    """The beginnings of `texts` that together have at most `limit` tokens, and the number of tokens left out."""
    kept: list[str] = []
    left = limit
    for text in texts:
        end = cut_to(text, left, count) if left > 0 else 0
        if end:
            kept.append(text[:end])
        left -= count(text[:end])
        if end < len(text):
            break
    shown = sum(count(text) for text in kept)
    return kept, max(0, sum(count(text) for text in texts) - shown)
