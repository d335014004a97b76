"""The index on disk: files, chunks, vectors and words in one SQLite database.

It is the truth of an index: a file's chunks are written in one transaction, so that what a crash leaves behind is whole files
only, and the next refresh goes on from there. The Chroma collection beside it mirrors the vectors (`vectors.py`).
"""

import sqlite3
import threading
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from agentkit.retrieval.files import Found

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["Entry", "Matrix", "Passage", "Row", "Store", "discard"]

_SCHEMA = """
CREATE TABLE files (
    id INTEGER PRIMARY KEY AUTOINCREMENT, path TEXT UNIQUE NOT NULL, source TEXT NOT NULL,
    size INTEGER NOT NULL, modified INTEGER NOT NULL, hash TEXT NOT NULL, problem TEXT NOT NULL
);

CREATE TABLE chunks (
    id INTEGER PRIMARY KEY AUTOINCREMENT, file INTEGER NOT NULL REFERENCES files(id), headings TEXT NOT NULL,
    location TEXT NOT NULL, text TEXT NOT NULL, vectors BLOB NOT NULL
);

CREATE INDEX chunks_by_file ON chunks(file);

CREATE VIRTUAL TABLE words USING fts5(
    headings, text, content='chunks', content_rowid='id', tokenize='porter unicode61 remove_diacritics 2'
);

CREATE TRIGGER chunk_added AFTER INSERT ON chunks BEGIN
    INSERT INTO words(rowid, headings, text) VALUES (new.id, new.headings, new.text);
END;

CREATE TRIGGER chunk_removed AFTER DELETE ON chunks BEGIN
    INSERT INTO words(words, rowid, headings, text) VALUES ('delete', old.id, old.headings, old.text);
END;

CREATE TABLE generation (number INTEGER NOT NULL);

INSERT INTO generation VALUES (0);

CREATE TABLE roots (path TEXT UNIQUE NOT NULL);

CREATE TABLE stamp (text TEXT NOT NULL);

PRAGMA user_version = 1
"""
_VERSION = 1


@dataclass(frozen=True)
class Entry:
    """What is known of an indexed file."""

    id: int
    source: str
    size: int
    modified: int
    hash: str
    problem: str
    """Why it holds no chunks; empty if it was read."""


@dataclass(frozen=True)
class Row:
    """A chunk as it was stored."""

    id: int
    source: str
    location: str
    text: str


@dataclass(frozen=True)
class Passage:
    """A chunk to be stored."""

    headings: str
    """The file's name and the headings, as they are searched."""
    location: str
    text: str
    vectors: "npt.NDArray[np.float32]"
    """`[1 + views, size]`: of the whole, then of each sentence or row."""


@dataclass(frozen=True)
class Matrix:
    """The vectors of chunks, one chunk after another."""

    ids: Sequence[int]
    starts: "npt.NDArray[np.int64]"
    """The row at which each chunk begins: the vector of its whole, then those of its views."""
    values: "npt.NDArray[np.float32]"
    """`[rows, size]`, L2-normalised."""


def discard(path: Path) -> None:
    """Delete a database."""
    for suffix in ("", "-wal", "-shm"):
        with suppress(FileNotFoundError):
            path.with_name(path.name + suffix).unlink()


class Store:
    """One open database; calls from several threads take turns.

    A database that is broken, of another version, or made with another stamp is made anew: the documents are still there.

    Args:
        path: the file; its folder is made.
        stamp: names what made the vectors and chunks.
        size: numbers in a vector.
    """

    def __init__(self, path: Path, stamp: str, size: int) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path, self._stamp, self._size = path, stamp, size
        self._lock = threading.RLock()
        try:
            self._db = self._connect()
        except sqlite3.OperationalError:  # locked, unreadable, disk full: nothing that a new file would mend
            raise
        except sqlite3.DatabaseError:
            discard(path)
            self._db = self._connect()
        self._closing = weakref.finalize(self, self._db.close)

    def _connect(self) -> sqlite3.Connection:
        db = sqlite3.connect(self._path, timeout=60, check_same_thread=False, isolation_level=None)
        try:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = NORMAL")
            db.execute("BEGIN IMMEDIATE")
            version = db.execute("PRAGMA user_version").fetchone()[0]
            if version == 0:
                for statement in _SCHEMA.split(";\n\n"):
                    db.execute(statement)
                db.execute("INSERT INTO stamp VALUES (?)", (self._stamp,))
            stamp = db.execute("SELECT text FROM stamp").fetchone()
            db.execute("COMMIT")
            if version not in (0, _VERSION) or stamp != (self._stamp,):
                raise sqlite3.DatabaseError("another version")
        except sqlite3.Error:
            db.close()
            raise
        return db

    def close(self) -> None:
        """Close the database; the store is not used afterwards."""
        with self._lock:
            self._closing()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("UPDATE generation SET number = number + 1")
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def generation(self) -> int:
        """Grows with every change, also by another process."""
        with self._lock:
            return int(self._db.execute("SELECT number FROM generation").fetchone()[0])

    def entries(self) -> dict[str, Entry]:
        """The indexed files by path."""
        with self._lock:
            rows = self._db.execute("SELECT path, id, source, size, modified, hash, problem FROM files ORDER BY id").fetchall()
        return {path: Entry(*rest) for path, *rest in rows}

    def count(self) -> int:
        """How many chunks there are."""
        with self._lock:
            return int(self._db.execute("SELECT count(*) FROM chunks").fetchone()[0])

    def put(self, file: Found, digest: str, passages: Sequence[Passage], problem: str = "") -> None:
        """Store a file's passages in place of what was known of it."""
        with self._transaction() as db:
            self._remove(db, str(file.path))
            row = (str(file.path), file.source, file.size, file.modified, digest, problem)
            number = db.execute("INSERT INTO files (path, source, size, modified, hash, problem) VALUES (?, ?, ?, ?, ?, ?)", row).lastrowid
            db.executemany(
                "INSERT INTO chunks (file, headings, location, text, vectors) VALUES (?, ?, ?, ?, ?)",
                [(number, new.headings, new.location, new.text, new.vectors.tobytes()) for new in passages],
            )

    def touch(self, file: Found) -> None:
        """Note a file's new time or name where its content is the same."""
        with self._transaction() as db:
            row = (file.source, file.size, file.modified, str(file.path))
            db.execute("UPDATE files SET source = ?, size = ?, modified = ? WHERE path = ?", row)

    def remove(self, paths: Sequence[str]) -> None:
        """Forget files and their chunks."""
        with self._transaction() as db:
            for path in paths:
                self._remove(db, path)

    def _remove(self, db: sqlite3.Connection, path: str) -> None:
        db.execute("DELETE FROM chunks WHERE file IN (SELECT id FROM files WHERE path = ?)", (path,))
        db.execute("DELETE FROM files WHERE path = ?", (path,))

    def rows(self, ids: Sequence[int]) -> list[Row]:
        """Chunks by id, in the order given; ids that are gone are left out."""
        marks = ", ".join("?" * len(ids))
        query = f"SELECT chunks.id, source, location, text FROM chunks JOIN files ON files.id = chunks.file WHERE chunks.id IN ({marks})"
        with self._lock:
            found = {row[0]: Row(*row) for row in self._db.execute(query, list(ids))}
        return [found[number] for number in ids if number in found]

    def vectors(self, ids: Sequence[int] | None = None) -> Matrix:
        """The vectors of the chunks with these ids, or of all."""
        import numpy as np

        with self._lock:
            if ids is None:
                rows = self._db.execute("SELECT id, vectors FROM chunks ORDER BY id").fetchall()
            else:
                marks = ", ".join("?" * len(ids))
                rows = self._db.execute(f"SELECT id, vectors FROM chunks WHERE id IN ({marks}) ORDER BY id", list(ids)).fetchall()
        counts = [len(blob) // (4 * self._size) for _, blob in rows]
        flat = np.frombuffer(b"".join(blob for _, blob in rows), dtype=np.float32)
        starts = np.cumsum([0, *counts[:-1]], dtype=np.int64) if rows else np.zeros(0, dtype=np.int64)
        return Matrix(ids=[number for number, _ in rows], starts=starts, values=flat.reshape(-1, self._size))

    def roots(self) -> list[str]:
        """The paths that the index was made of."""
        with self._lock:
            return [row[0] for row in self._db.execute("SELECT path FROM roots ORDER BY rowid")]

    def set_roots(self, paths: Sequence[str]) -> None:
        """Note the paths that the index is made of."""
        if self.roots() != list(paths):
            with self._transaction() as db:
                db.execute("DELETE FROM roots")
                db.executemany("INSERT OR IGNORE INTO roots VALUES (?)", [(path,) for path in paths])

    def ids(self) -> list[int]:
        """The ids of all chunks."""
        with self._lock:
            return [row[0] for row in self._db.execute("SELECT id FROM chunks ORDER BY id")]

    def match(self, expression: str, limit: int, weight: float) -> list[tuple[int, float]]:
        """Chunks that match an FTS5 expression, best first, with BM25 scores (more is better); headings count `weight` times."""
        query = "SELECT rowid, -bm25(words, ?, 1.0) FROM words WHERE words MATCH ? ORDER BY bm25(words, ?, 1.0), rowid LIMIT ?"
        with self._lock:
            return [(row[0], row[1]) for row in self._db.execute(query, (weight, expression, weight, limit))]
