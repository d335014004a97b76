"""The Chroma collection mirrors the store, also after a crash and after another process wrote."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from agentkit.retrieval.files import Found
from agentkit.retrieval.store import Passage, Store
from agentkit.retrieval.vectors import Vectors


def unit(*numbers: float) -> npt.NDArray[np.float32]:
    vectors = np.array([numbers], dtype=np.float32)
    return vectors / np.linalg.norm(vectors)


def put(store: Store, name: str, *vectors: npt.NDArray[np.float32]) -> None:
    file = Found(Path("/d") / name, name, Path("/d"), 1, 1)
    store.put(file, name, [Passage("", "p", name, np.concatenate([vector, vector])) for vector in vectors])


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / "index.sqlite", "stamp", 3)
    put(opened, "x", unit(1, 0, 0))
    put(opened, "y", unit(0, 1, 0))
    yield opened
    opened.close()


def names(store: Store, vectors: Vectors, *numbers: float) -> list[str]:
    return [row.text for row in store.rows([number for number, _ in vectors.query(store, unit(*numbers)[0], 2)])]


def test_the_nearest_come_first_with_their_cosines(store: Store, tmp_path: Path) -> None:
    vectors = Vectors(tmp_path / "chroma")
    assert names(store, vectors, 0.2, 1, 0) == ["y", "x"]
    assert vectors.query(store, unit(0, 1, 0)[0], 1)[0][1] == pytest.approx(1)


def test_changes_are_mirrored_and_noted(store: Store, tmp_path: Path) -> None:
    vectors = Vectors(tmp_path / "chroma")
    assert vectors.behind(store)
    vectors.synchronise(store)
    assert not vectors.behind(store)
    store.remove(["/d/x"])
    put(store, "z", unit(1, 0.1, 0))
    assert vectors.behind(store) and names(store, vectors, 1, 0, 0) == ["z", "y"]


def test_what_another_client_wrote_is_seen(store: Store, tmp_path: Path) -> None:
    first, second = Vectors(tmp_path / "chroma"), Vectors(tmp_path / "chroma")
    assert names(store, first, 1, 0, 0) == ["x", "y"]
    put(store, "z", unit(1, 0, 0.01))
    second.synchronise(store)
    assert "z" in names(store, first, 1, 0, 0.01)


@pytest.mark.parametrize("damage", ["garbage", "gone"])
def test_a_broken_collection_is_made_again(store: Store, tmp_path: Path, damage: str) -> None:
    Vectors(tmp_path / "chroma").synchronise(store)
    reopened = Vectors(tmp_path / "chroma")
    reopened._open()
    reopened._forget()
    if damage == "gone":
        shutil.rmtree(tmp_path / "chroma")
    else:
        (tmp_path / "chroma" / "chroma.sqlite3").write_bytes(b"no database" * 1000)
        (tmp_path / "chroma" / "generation").unlink()
    assert names(store, Vectors(tmp_path / "chroma"), 1, 0, 0) == ["x", "y"]
