"""Knowledge: named files and folders, indexed once and searched."""

import hashlib
import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from agentkit import settings
from agentkit.errors import DocumentError, UsageError
from agentkit.retrieval import files
from agentkit.retrieval.embedder import Embedder, default_embedder
from agentkit.retrieval.indexing import Report, update
from agentkit.retrieval.search import CONSTANT, DEPTH, Hit, fuse, words_expression
from agentkit.retrieval.splitting import SPLITTER
from agentkit.retrieval.store import Store
from agentkit.retrieval.vectors import Vectors, nearest

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["Knowledge"]

SCANNED = 20_000
"""Up to so many chunks the vectors are compared one by one (milliseconds), above that Chroma is asked, whose import takes over a second."""

WEIGHTS = {"dense": 1.0, "words": 1.0}
"""How much each ranking counts in the fusion."""

HEADINGS_WEIGHT = 1.0
"""How much a word in the headings counts against one in the text."""


class Knowledge:
    """Documents that can be searched; the index lies under `AGENTKIT_HOME` and is used again while the files are unchanged.

    The first search, or `refresh`, reads what is new. Safe to use from several threads and processes.

    Args:
        paths: files and folders.
        embedder: default the packaged MiniLM.
        home: the folder of the indexes' parent, default `AGENTKIT_HOME`.

    Raises:
        DocumentError: a path does not exist.

    >>> import tempfile, pathlib
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> _ = (folder / "prices.md").write_text("# Prices\\n\\nA bed costs 24.00.")
    >>> Knowledge(folder, home=folder / "home").search("what is a bed", k=1)[0].text
    'A bed costs 24.00.'
    """

    def __init__(self, *paths: str | os.PathLike[str], embedder: Embedder | None = None, home: str | os.PathLike[str] | None = None) -> None:
        self.paths = tuple(Path(path) for path in paths)
        files.check(self.paths)
        self.embedder = embedder or default_embedder()
        key = "\n".join([*sorted(str(path.absolute()) for path in self.paths), self.embedder.fingerprint, str(SPLITTER)])
        self.folder = Path(home or settings.load().home) / "indexes" / hashlib.sha256(key.encode()).hexdigest()[:16]
        self._lock = threading.RLock()
        self._store: Store | None = None
        self._vectors = Vectors(self.folder / "chroma")
        self._report: Report | None = None
        self._scanned: tuple[int, list[int], "npt.NDArray[np.float32]"] | None = None

    @property
    def warnings(self) -> tuple[str, ...]:
        """One line for each file that could not be read, after the last refresh."""
        return self._report.warnings if self._report else ()

    def refresh(self) -> Report:
        """Bring the index up to date with the files: milliseconds if nothing has changed.

        Returns:
            What was read, what was removed, and a warning for each file that could not be read.

        Raises:
            DocumentError: a path is gone, a folder is empty, or none of the files could be read.
        """
        with self._lock:
            files.check(self.paths)
            self._report = update(self._open(), self._vectors, self.embedder, self.paths, self.folder)
            return self._report

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
            store = self._open()
        rankings = {"dense": self._dense(store, query, max(DEPTH, k)), "words": self._words(store, query, max(DEPTH, k))}
        fused = fuse(rankings, WEIGHTS, CONSTANT)[:k]
        parts = {name: dict(ranking) for name, ranking in rankings.items()}
        totals = dict(fused)
        return [
            Hit(
                source=row.source,
                location=row.location,
                text=row.text,
                score=round(totals[row.id], 6),
                scores={name: round(found[row.id], 4) for name, found in parts.items() if row.id in found},
            )
            for row in store.rows([number for number, _ in fused])
        ]

    def _open(self) -> Store:
        if self._store is None:
            try:
                self._store = Store(self.folder / "index.sqlite")
            except OSError as error:
                raise DocumentError(f"the index folder {str(self.folder)!r} cannot be written ({error.strerror}): set AGENTKIT_HOME") from error
        return self._store

    def _words(self, store: Store, query: str, limit: int) -> Sequence[tuple[int, float]]:
        expression = words_expression(query)
        return store.match(expression, limit, HEADINGS_WEIGHT) if expression else []

    def _dense(self, store: Store, query: str, limit: int) -> Sequence[tuple[int, float]]:
        vector = self.embedder.embed([query])[0]
        if store.count() > SCANNED:
            with self._lock:
                return self._vectors.query(store, vector, limit)
        generation = store.generation()
        scanned = self._scanned
        if scanned is None or scanned[0] != generation:
            self._scanned = scanned = (generation, *store.vectors())
        return nearest(scanned[1], scanned[2], vector, limit)
