"""The database: whole files or nothing, found again by words, made anew when broken."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from agentkit.retrieval.files import Found
from agentkit.retrieval.store import Passage, Store


def found(name: str, modified: int = 1) -> Found:
    return Found(Path("/docs") / name, name, Path("/docs"), 10, modified)


def passage(text: str, views: int = 1) -> Passage:
    return Passage("head", "Place", text, np.full((1 + views, 4), 0.5, dtype=np.float32))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / "index.sqlite", "stamp", 4)
    yield opened
    opened.close()


def test_passages_are_found_by_stems_of_words_and_by_headings(store: Store) -> None:
    store.put(found("a.md"), "h", [passage("The pumps are running."), passage("Nothing else.")])
    [(number, score)] = store.match('"pump"', 5, 0.5)
    assert [(row.source, row.location, row.text) for row in store.rows([number])] == [("a.md", "Place", "The pumps are running.")]
    assert score > 0 and len(store.match('"head"', 5, 0.5)) == 2 and store.rows([999]) == []


def test_a_file_put_again_replaces_its_passages(store: Store) -> None:
    store.put(found("a.md"), "h", [passage("old pump")])
    store.put(found("a.md", 2), "i", [passage("new engine")])
    assert store.match('"pump"', 5, 1.0) == [] and store.count() == 1
    assert [(entry.hash, entry.modified) for entry in store.entries().values()] == [("i", 2)]


def test_removed_files_leave_nothing_and_ids_are_not_used_again(store: Store) -> None:
    store.put(found("a.md"), "h", [passage("pump")])
    before = store.ids()
    store.remove(["/docs/a.md"])
    store.put(found("b.md"), "h", [passage("pump")])
    assert store.count() == 1 and not set(before) & set(store.ids()) and list(store.entries()) == ["/docs/b.md"]


def test_vectors_come_back_chunk_by_chunk(store: Store) -> None:
    store.put(found("a.md"), "h", [passage("one", views=2), passage("two", views=0), passage("three")])
    matrix = store.vectors()
    assert (list(matrix.starts), matrix.values.shape) == ([0, 3, 4], (6, 4))
    assert store.vectors(matrix.ids[1:2]).values.shape == (1, 4) and store.vectors([]).values.shape == (0, 4)


def test_a_failed_put_leaves_what_was_there(store: Store) -> None:
    store.put(found("a.md"), "h", [passage("pump")])
    generation = store.generation()
    with pytest.raises(sqlite3.Error):
        store.put(found("a.md"), "i", [passage("engine"), Passage("h", "l", None, np.zeros((1, 4), dtype=np.float32))])  # type: ignore[arg-type]
    assert len(store.match('"pump"', 5, 1.0)) == 1 and store.generation() == generation


def test_generations_are_seen_by_others(store: Store, tmp_path: Path) -> None:
    other = Store(tmp_path / "index.sqlite", "stamp", 4)
    store.put(found("a.md"), "h", [passage("pump")])
    assert other.generation() == store.generation() == 1 and other.count() == 1
    other.close()


def test_roots_are_kept_in_order(store: Store) -> None:
    store.set_roots(["/b", "/a", "/b"])
    generation = store.generation()
    store.set_roots(["/b", "/a"])
    assert store.roots() == ["/b", "/a"] and store.generation() == generation


@pytest.mark.parametrize("damage", ["garbage", "version", "stamp"])
def test_a_database_that_cannot_be_used_is_made_anew(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "index.sqlite"
    first = Store(path, "stamp", 4)
    first.put(found("a.md"), "h", [passage("pump")])
    first.close()
    if damage == "garbage":
        path.write_bytes(b"not a database at all" * 100)
    elif damage == "version":
        database = sqlite3.connect(path)
        database.execute("PRAGMA user_version = 99")
        database.close()
    second = Store(path, "other" if damage == "stamp" else "stamp", 4)
    assert second.count() == 0 and second.generation() == 0
    second.close()
