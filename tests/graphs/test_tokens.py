"""Counting and cutting."""

from typing import Any

import pytest
from langchain_core.language_models import FakeListChatModel

from agentkit.graphs.tokens import COUNTED_AT_ONCE, counter_of, cut_to, head_of, window_of
from agentkit.testing import ScriptedModel


def words(text: str) -> int:
    return len(text.split())


def test_the_models_own_tokenizer_counts() -> None:
    assert counter_of(ScriptedModel(tokenizer=len))("abc") == 3
    assert counter_of(FakeListChatModel(responses=[], custom_get_token_ids=lambda text: [1] * 7))("abc") == 7


class Own(FakeListChatModel):
    def get_token_ids(self, text: str) -> list[int]:
        return [0] * (2 * len(text))


def test_a_tokenizer_of_an_integration_counts() -> None:
    assert counter_of(Own(responses=[]))("abc") == 6


@pytest.mark.parametrize("model", [None, FakeListChatModel(responses=[])])
def test_without_a_tokenizer_at_hand_characters_count_and_nothing_is_downloaded(model: Any) -> None:
    assert counter_of(model)("abcde") == 2


def test_tiktoken_is_never_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    from langchain_openai import ChatOpenAI

    def refuse(*args: Any) -> Any:
        raise AssertionError("tiktoken downloads its encodings")

    monkeypatch.setattr("tiktoken.encoding_for_model", refuse)
    monkeypatch.setattr("tiktoken.get_encoding", refuse)
    assert counter_of(ChatOpenAI(model="gpt-4o", api_key="none"))("abcd") == 1


def test_a_huge_text_is_counted_by_its_beginning() -> None:
    asked = []

    def count(text: str) -> int:
        asked.append(len(text))
        return len(text) // 2

    assert counter_of(ScriptedModel(tokenizer=count))("x" * (3 * COUNTED_AT_ONCE)) == 3 * COUNTED_AT_ONCE // 2
    assert asked == [COUNTED_AT_ONCE]


def test_a_window_is_a_number_or_a_method_or_unknown() -> None:
    class Local(ScriptedModel):
        def window(self) -> int:
            return 99

    assert window_of(ScriptedModel(n_ctx=512)) == 512
    assert window_of(Local()) == 99
    assert window_of(ScriptedModel()) is None
    assert window_of(None) is None


@pytest.mark.parametrize(
    ("text", "limit", "kept"),
    [
        ("one two three", 2, "one two"),
        ("one two three", 3, "one two three"),
        ("one two three", 0, ""),
        ("one\ntwo three", 1, "one"),
        ("", 0, ""),
        ("a" * 100, 1, "a" * 100),
    ],
)
def test_a_cut_ends_with_a_whole_word(text: str, limit: int, kept: str) -> None:
    assert text[: cut_to(text, limit, words)] == kept


def test_a_cut_within_a_long_word_is_a_cut_all_the_same() -> None:
    assert cut_to("x" * 100, 10, lambda text: len(text) // 4) == 43


def test_several_texts_share_a_limit() -> None:
    assert head_of(["one two", "three four", "five"], 3, words) == (["one two", "three"], 2)
    assert head_of(["one two", "three"], 9, words) == (["one two", "three"], 0)
    assert head_of(["one two", "three"], 2, words) == (["one two"], 1)
    assert head_of([], 2, words) == ([], 0)
