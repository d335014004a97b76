"""The packaged embedder: vectors as sentence-transformers makes them."""

import threading
from pathlib import Path

import numpy as np
import pytest

from agentkit.errors import ModelFileError
from agentkit.retrieval.embedder import MiniLM, default_embedder

TEXTS = ["A bed for the night costs 24.00.", "What is the price of a bed?", "The pump station was built in 1936.", ""]


def test_vectors_are_normalised_and_like_texts_are_near() -> None:
    vectors = default_embedder().embed(TEXTS)
    assert vectors.shape == (4, default_embedder().size) and vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-4)
    assert vectors[0] @ vectors[1] > 0.5 > vectors[0] @ vectors[2]


def test_a_text_alone_and_among_others_has_the_same_vector() -> None:
    together = default_embedder().embed(TEXTS * 3)
    assert all(np.dot(default_embedder().embed([text])[0], vector) > 0.995 for text, vector in zip(TEXTS[:3], together[:3], strict=True))


def test_what_lies_behind_the_window_is_cut_off() -> None:
    long = "the lock is closed " * 200
    first, second = default_embedder().embed([long, long + "but pears are ripe " * 500])
    assert first @ second > 0.999


def test_no_text_is_no_vector() -> None:
    assert default_embedder().embed([]).shape == (0, 384)


def test_threads_take_turns() -> None:
    expected = default_embedder().embed(TEXTS)
    results: list[bool] = []

    def work() -> None:
        results.append(bool((default_embedder().embed(TEXTS) * expected).sum(axis=1).min() > 0.995))

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [True] * 6


def test_the_fingerprint_follows_the_file(tmp_path: Path) -> None:
    (tmp_path / "a.gguf").write_bytes(b"GGUF one")
    (tmp_path / "b.gguf").write_bytes(b"GGUF two")
    first, second = MiniLM(tmp_path / "a.gguf").fingerprint, MiniLM(tmp_path / "b.gguf").fingerprint
    assert first != second and first == MiniLM(tmp_path / "a.gguf").fingerprint


def test_a_missing_or_broken_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match=r"no embedder.*gone\.gguf"):
        _ = MiniLM(tmp_path / "gone.gguf").fingerprint
    with pytest.raises(ModelFileError, match="missing or broken"):
        MiniLM(tmp_path / "gone.gguf").embed(["x"])
    (tmp_path / "bad.gguf").write_bytes(b"GGUF" + b"\0" * 100)
    with pytest.raises(ModelFileError, match="missing or broken"):
        MiniLM(tmp_path / "bad.gguf").embed(["x"])
