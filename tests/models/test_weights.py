"""Weights, vocabulary, tokenizer."""

import gc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentkit.models.weights import Weights, file_fingerprint, open_weights
from tests.models.tiny_models import write_model


@settings(deadline=None)
@given(text=st.text())
def test_tokens_say_what_the_text_says(weights: Weights, text: str) -> None:
    known = {piece[0] for piece in weights.pieces if len(piece) == 1}  # this vocabulary lacks some bytes of rare scripts
    assert weights.detokenize(weights.tokenize(text)) == bytes(byte for byte in text.encode() if byte in known)


def test_marks_are_read_only_where_the_template_writes(weights: Weights) -> None:
    assert len(weights.tokenize("<|im_end|>", special=True)) == 1
    plain = weights.tokenize("<|im_end|>")
    assert len(plain) > 3 and not any(weights.is_control(token) for token in plain)


def test_lone_surrogates_are_replaced(weights: Weights) -> None:
    assert weights.detokenize(weights.tokenize("a\ud800b")).decode() == "a\ufffdb"
    assert weights.detokenize(weights.tokenize("\ud83d\ude00")).decode() == "😀"


def test_all_end_tokens_are_known(weights: Weights) -> None:
    ends = {weights.pieces[token] for token in weights.end_tokens}
    assert {b"<|im_end|>", b"<|endoftext|>"} <= ends
    assert weights.special("eos") == "<|im_end|>"


def test_a_file_is_loaded_once_and_anew_when_it_changed(tmp_path: Path) -> None:
    path = write_model(tmp_path / "tiny.gguf")
    first = open_weights(path)
    assert open_weights(str(path)) is first
    fingerprint = first.fingerprint
    write_model(path, seed=1)
    second = open_weights(path)
    assert second is not first and second.fingerprint != fingerprint


def test_weights_that_nobody_holds_are_freed(tmp_path: Path) -> None:
    path = write_model(tmp_path / "tiny.gguf")
    known = id(open_weights(path)), open_weights(path).fingerprint
    gc.collect()
    assert open_weights(path).fingerprint == known[1]


def test_the_fingerprint_is_of_the_content(tmp_path: Path) -> None:
    one, same, other = (write_model(tmp_path / f"{name}.gguf", seed=seed) for name, seed in (("a", 0), ("b", 0), ("c", 1)))
    assert file_fingerprint(one) == file_fingerprint(same) != file_fingerprint(other)


def test_a_sentencepiece_vocabulary_adds_no_space_inside_a_prompt(tmp_path: Path) -> None:
    weights = open_weights(write_model(tmp_path / "pieces.gguf", sentencepiece=True))
    assert weights.detokenize(weights.tokenize("hello")) == b"hello"
    assert weights.pieces[weights.tokenize("<s>hello", special=True)[0]] == b"<s>"
    assert weights.tokenize("") == []
    assert weights.detokenize(weights.tokenize("[INST] hello]\n\né")) == "[INST] hello]\n\né".encode()


def test_what_was_made_once_is_remembered_and_the_oldest_forgotten(tmp_path: Path) -> None:
    weights = open_weights(write_model(tmp_path / "tiny.gguf"))
    made: list[int] = []

    def make(key: int) -> int:
        made.append(key)
        return key

    for key in [*range(300), 299, 298, 0]:
        assert weights.remember(("test", key), lambda key=key: make(key)) == key  # type: ignore[misc]
    assert made == [*range(300), 0]


def test_long_tokens_are_whole(weights: Weights) -> None:
    assert b"".join(weights.pieces[token] for token in weights.tokenize(" " * 200 + "x")) == b" " * 200 + b"x"
    assert max(map(len, weights.pieces)) > 16


def test_llguidance_knows_marks_from_text(weights: Weights) -> None:
    tokenizer = weights.constraint_tokenizer
    (mark,) = weights.tokenize("<|im_start|>", special=True)
    assert tokenizer.is_special_token(mark)
    assert not tokenizer.is_special_token(weights.tokenize("a")[0])
    with pytest.raises(KeyError):
        weights.special("pad")
