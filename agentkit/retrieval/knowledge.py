"""Knowledge: named files and folders, indexed once and searched."""

import hashlib
import os
import re
import sqlite3
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import TypeVar

from agentkit import settings
from agentkit.disk import disk_full, is_full
from agentkit.errors import AgentkitError, DocumentError, UsageError
from agentkit.retrieval import files
from agentkit.retrieval.embedder import Embedder, default_embedder
from agentkit.retrieval.indexing import Report, update
from agentkit.retrieval.search import CONSTANT, DEPTH, Hit, fuse, nearest, words_expression
from agentkit.retrieval.splitting import SPLITTER
from agentkit.retrieval.store import Matrix, Row, Store, discard
from agentkit.retrieval.vectors import Vectors

__all__ = ["Knowledge"]

PathLike = str | os.PathLike[str]
_Result = TypeVar("_Result")

SCANNED = 20_000
"""Up to so many chunks all vectors are compared (milliseconds), above that Chroma is asked, whose import alone takes over a second."""

WEIGHTS = {"dense": 1.0, "words": 1.0}
"""How much each ranking counts in the fusion."""

HEADINGS_WEIGHT = 0.5
"""How much a word in the headings counts against one in the text."""

_NAME = re.compile(r"(?!paths-)[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class Knowledge:
    """Documents that can be searched; the index lies under `AGENTKIT_HOME` and is used again while the files are unchanged.

    The first search, or `refresh`, reads what is new. Safe to use from several threads and processes.

    Args:
        paths: files and folders, or sequences of them.
        name: under which `Knowledge.open` finds the index again; without one it belongs to the paths.
        embedder: default the packaged MiniLM.
        home: where indexes are kept, default `AGENTKIT_HOME`.

    Raises:
        DocumentError: a path does not exist.
        UsageError: a name that cannot be a folder's.

    >>> import tempfile, pathlib
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> _ = (folder / "prices.md").write_text("# Prices\\n\\nA bed costs 24.00.")
    >>> Knowledge(folder, home=folder / ".home").search("what is a bed", k=1)[0].text
    'A bed costs 24.00.'
    """

    def __init__(
        self,
        *paths: PathLike | Iterable[PathLike],
        name: str | None = None,
        embedder: Embedder | None = None,
        home: PathLike | None = None,
    ) -> None:
        self.paths = tuple(_flat(paths))
        files.check(self.paths)
        self.name = name
        self.embedder = embedder or default_embedder()
        self._stamp = f"{self.embedder.fingerprint} splitter {SPLITTER}"
        self.folder = _folder(home, name or _key(self.paths, self._stamp))
        self._lock = threading.RLock()
        self._store: Store | None = None
        self._vectors = Vectors(self.folder / "chroma")
        self._report: Report | None = None
        self._scanned: tuple[int, Matrix] | None = None

    @classmethod
    def open(cls, name: str, *, embedder: Embedder | None = None, home: PathLike | None = None) -> "Knowledge":
        """The index of that name, as it was made by `Knowledge(..., name=name)` or `agentkit index --name`.

        Raises:
            DocumentError: there is none, or the documents it was made of are gone.
        """
        file = _folder(home, name) / "index.sqlite"
        if not file.is_file():
            known = sorted(path.parent.name for path in file.parent.parent.glob("*/index.sqlite") if _NAME.fullmatch(path.parent.name))
            there = f"there are {', '.join(map(repr, known))}" if known else "there is none yet"
            raise DocumentError(f"no index is named {name!r}: {there}; make one with `agentkit index PATH --name {name}`")
        try:
            with closing(sqlite3.connect(file)) as database:
                roots = [row[0] for row in database.execute("SELECT path FROM roots ORDER BY rowid")]
        except sqlite3.Error as error:
            remedy = f"make it again with `agentkit index PATH --name {name}`"
            raise DocumentError(f"the index {name!r} is broken ({error}): {remedy}") from error
        return cls(*roots, name=name, embedder=embedder, home=home)

    def __repr__(self) -> str:
        named = f", name={self.name!r}" if self.name else ""
        return f"Knowledge({', '.join(repr(str(path)) for path in self.paths)}{named})"

    @property
    def warnings(self) -> tuple[str, ...]:
        """One line for each file that could not be read, after the last refresh."""
        return self._report.warnings if self._report else ()

    def refresh(self) -> Report:
        """Bring the index up to date with the files: milliseconds if nothing has changed.

        Returns:
            What was read, what was removed, and a warning for each file that could not be read.

        Raises:
            DocumentError: a path is gone, a folder is empty, none of the files could be read, or the index cannot be written.
            DiskFullError: there is no room for the index.
        """
        with self._lock:
            files.check(self.paths)
            self._report = self._mended(self._refresh)
            return self._report

    def _refresh(self) -> Report:
        store = self._open()
        store.set_roots([str(path.absolute()) for path in self.paths])
        return update(store, self._vectors, self.embedder, self.paths, self.folder)

    def search(self, query: str, k: int = 5) -> list[Hit]:
        """The `k` passages that fit the query best, best first.

        Raises:
            UsageError: an empty query, or `k` below 1.
            DocumentError: nothing could be indexed.
        """
        if not query.strip():
            raise UsageError(f"the search query is empty ({query!r}): give words to look for")
        if k < 1:
            raise UsageError(f"k={k!r} passages were asked for: at least 1 is needed")
        with self._lock:
            if self._report is None:
                self.refresh()
            return self._mended(lambda: self._search(query[:10_000], k))

    def _search(self, query: str, k: int) -> list[Hit]:
        store, depth = self._open(), max(DEPTH, k)
        expression = words_expression(query)
        rankings = {
            "dense": self._dense(store, query, depth),
            "words": store.match(expression, depth, HEADINGS_WEIGHT) if expression else [],
        }
        fused = dict(fuse(rankings, WEIGHTS, CONSTANT)[:k])
        parts = {name: dict(ranking) for name, ranking in rankings.items()}
        return [_hit(row, fused[row.id], parts) for row in store.rows(list(fused))]

    def _dense(self, store: Store, query: str, limit: int) -> Sequence[tuple[int, float]]:
        vector = self.embedder.embed([query])[0]
        if store.count() > SCANNED:
            return self._vectors.query(store, vector, limit)
        generation = store.generation()
        if self._scanned is None or self._scanned[0] != generation:
            self._scanned = (generation, store.vectors())
        return nearest(self._scanned[1], vector, limit)

    def _open(self) -> Store:
        if self._store is None:
            self._store = Store(self.folder / "index.sqlite", self._stamp, self.embedder.size)
        return self._store

    def _mended(self, work: Callable[[], _Result]) -> _Result:
        """Do the work; an index that turns out to be broken is made anew from the documents, once."""
        try:
            return work()
        except (OSError, sqlite3.OperationalError) as error:
            raise self._unusable(error) from error
        except sqlite3.DatabaseError:
            self._close()
            discard(self.folder / "index.sqlite")
        except Exception as error:  # Chroma's errors have no class in common
            if is_full(error):
                raise self._unusable(error) from error
            raise
        try:
            self._refresh()
            return work()
        except (OSError, sqlite3.Error) as error:
            raise self._unusable(error) from error

    def _unusable(self, error: Exception) -> AgentkitError:
        self._close()
        if is_full(error):
            return disk_full("the index in", self.folder, error, "set AGENTKIT_HOME to a folder on another disk")
        return DocumentError(
            f"the index in {str(self.folder)!r} cannot be used ({error}): free some space, allow writing there, or set AGENTKIT_HOME"
        )

    def _close(self) -> None:
        if self._store is not None:
            self._store.close()
        self._store, self._scanned = None, None


def _flat(paths: Iterable[PathLike | Iterable[PathLike]]) -> Iterable[Path]:
    for path in paths:
        if isinstance(path, str | os.PathLike):
            yield Path(path).expanduser()
        else:
            yield from (Path(inner).expanduser() for inner in path)


def _folder(home: PathLike | None, key: str) -> Path:
    if not _NAME.fullmatch(key) and not key.startswith("paths-"):
        raise UsageError(f"an index cannot be named {key!r}: use up to 64 letters, digits, '.', '_', '-'; begin with a letter or digit")
    return Path(home or settings.load().home).expanduser() / "indexes" / key


def _key(paths: Sequence[Path], stamp: str) -> str:
    """The folder's name of an index without a name of its own: the same paths give the same one."""
    text = "\n".join([*sorted({str(path.absolute()) for path in paths}), stamp])
    return f"paths-{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def _hit(row: Row, score: float, parts: dict[str, dict[int, float]]) -> Hit:
    scores = {name: round(found[row.id], 4) for name, found in parts.items() if row.id in found}
    return Hit(source=row.source, location=row.location, text=row.text, score=round(score, 6), scores=scores)
