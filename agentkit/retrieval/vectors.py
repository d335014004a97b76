"""The vectors in Chroma: a persistent collection that mirrors the store, for indexes too large to be compared one by one."""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agentkit.retrieval.search import nearest
from agentkit.retrieval.store import Store

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["Vectors"]

_COLLECTION = "chunks"
_PAGE = 500
"""Chunks that are written together."""
_OVERSAMPLE = 6
"""Vectors that are asked for a chunk wanted: a chunk has several."""


class Vectors:
    """A Chroma collection with cosine distance, an entry `CHUNK.PLACE` for each vector.

    Vectors are always given, so that Chroma never embeds (its own model would be downloaded). What the collection mirrors is noted
    in a file beside it, so that an index which is up to date costs no import of chromadb.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._note = folder / "generation"
        self._client: Any = None
        self._collection: Any = None
        self._opened = -1  # the generation that the open client has seen

    def behind(self, store: Store) -> bool:
        """Whether the store has changed since the collection was last written."""
        try:
            return self._note.read_text() != str(store.generation())
        except OSError:
            return True

    def synchronise(self, store: Store) -> None:
        """Make the collection hold what the store holds; one that cannot be opened is made again."""
        try:
            self._synchronise(store)
        except Exception:  # chromadb raises errors of SQLite, of Rust and of its own on a broken folder
            self._forget()
            _clear_cache()
            shutil.rmtree(self._folder, ignore_errors=True)
            self._synchronise(store)

    def _synchronise(self, store: Store) -> None:
        with suppress(FileNotFoundError):
            self._note.unlink()
        collection = self._open()
        generation, wanted = store.generation(), store.ids()
        names: list[str] = collection.get(include=[])["ids"]
        there = {int(name.partition(".")[0]) for name in names}
        gone = there.difference(wanted)
        for page in _pages([name for name in names if int(name.partition(".")[0]) in gone]):
            collection.delete(ids=list(page))
        for chunks in _pages([number for number in wanted if number not in there]):
            matrix = store.vectors(chunks)
            ends = [*matrix.starts[1:], len(matrix.values)]
            spans = zip(matrix.ids, matrix.starts, ends, strict=True)
            names = [f"{number}.{place}" for number, start, end in spans for place in range(end - start)]
            collection.upsert(ids=names, embeddings=matrix.values)
        self._note.write_text(str(generation))
        self._opened = generation

    def query(self, store: Store, vector: "npt.NDArray[np.float32]", limit: int) -> list[tuple[int, float]]:
        """The nearest chunks with their cosines, best first: Chroma finds the candidates, their own vectors rank them."""
        if self.behind(store):
            self._forget()
            self.synchronise(store)
        elif self._opened != store.generation():  # another process wrote: what an open client holds in memory is old
            self._forget()
            self._opened = store.generation()
        found = self._open().query(query_embeddings=[vector], n_results=limit * _OVERSAMPLE, include=[])
        chunks = list(dict.fromkeys(int(name.partition(".")[0]) for name in found["ids"][0]))
        return nearest(store.vectors(chunks[: 4 * limit]), vector, limit)

    def _open(self) -> Any:
        if self._collection is None:
            os.environ.setdefault("ANONYMIZED_TELEMETRY", "False")
            import chromadb
            from chromadb.config import Settings

            self._folder.mkdir(parents=True, exist_ok=True)
            self._client = chromadb.PersistentClient(str(self._folder), settings=Settings(anonymized_telemetry=False))
            cosine: Any = {"hnsw": {"space": "cosine"}}
            self._collection = self._client.get_or_create_collection(_COLLECTION, embedding_function=None, configuration=cosine)
        return self._collection

    def _forget(self) -> None:
        """Close the client, so that the next one reads the folder anew."""
        if self._client is not None:
            with suppress(Exception):  # of a broken folder
                self._client.close()
        self._client = self._collection = None


def _clear_cache() -> None:
    """Make Chroma forget a client that it failed to open: it would be handed out again."""
    from chromadb.api.shared_system_client import SharedSystemClient

    SharedSystemClient.clear_system_cache()


def _pages(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(items), _PAGE):
        yield items[start : start + _PAGE]
