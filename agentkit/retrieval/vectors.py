"""The vectors in Chroma: a persistent collection that mirrors the chunks of the store, for indexes too large to scan."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agentkit.retrieval.store import Store

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["Vectors", "nearest"]

_COLLECTION = "chunks"
_PAGE = 2_000


class Vectors:
    """A Chroma collection with cosine distance; vectors are always given, so that Chroma never embeds by itself."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._collection: Any = None
        self._generation = -1

    def synchronise(self, store: Store) -> None:
        """Make the collection hold what the store holds; a collection that cannot be opened is made again."""
        try:
            self._synchronise(store)
        except Exception:  # chromadb raises errors of SQLite, of Rust and of its own on a broken folder
            self._forget()
            shutil.rmtree(self._folder, ignore_errors=True)
            self._synchronise(store)

    def _synchronise(self, store: Store) -> None:
        collection = self._open()
        generation, wanted = store.generation(), store.ids()
        there = {int(name) for name in collection.get(include=[])["ids"]}
        if gone := [str(number) for number in there.difference(wanted)]:
            for start in range(0, len(gone), _PAGE):
                collection.delete(ids=gone[start : start + _PAGE])
        missing = [number for number in wanted if number not in there]
        for start in range(0, len(missing), _PAGE):
            ids, vectors = store.vectors(missing[start : start + _PAGE])
            collection.upsert(ids=[str(number) for number in ids], embeddings=vectors)
        self._generation = generation

    def query(self, store: Store, vector: "npt.NDArray[np.float32]", limit: int) -> list[tuple[int, float]]:
        """The nearest chunks with their cosines, best first; what another process changed is taken in first."""
        if self._generation != store.generation():
            self._forget()
            self.synchronise(store)
        found = self._open().query(query_embeddings=[vector], n_results=limit, include=["distances"])
        return [(int(name), 1.0 - distance) for name, distance in zip(found["ids"][0], found["distances"][0], strict=True)]

    def _open(self) -> Any:
        if self._collection is None:
            os.environ.setdefault("ANONYMIZED_TELEMETRY", "False")
            import chromadb
            from chromadb.config import Settings

            client = chromadb.PersistentClient(str(self._folder), settings=Settings(anonymized_telemetry=False, allow_reset=False))
            self._collection = client.get_or_create_collection(_COLLECTION, embedding_function=None, configuration={"hnsw": {"space": "cosine"}})
        return self._collection

    def _forget(self) -> None:
        """Drop the open client: Chroma keeps one a folder and would go on with what it has in memory."""
        self._collection = None
        try:
            from chromadb.api.shared_system_client import SharedSystemClient
        except ImportError:
            return
        SharedSystemClient.clear_system_cache()


def nearest(ids: Sequence[int], matrix: "npt.NDArray[np.float32]", vector: "npt.NDArray[np.float32]", limit: int) -> list[tuple[int, float]]:
    """The nearest of a matrix's rows with their cosines, best first."""
    import numpy as np

    if not ids:
        return []
    cosines = matrix @ vector
    best = np.argsort(-cosines, kind="stable")[:limit]
    return [(ids[place], float(cosines[place])) for place in best]
