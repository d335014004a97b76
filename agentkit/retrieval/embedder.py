"""Vectors of texts: all-MiniLM-L6-v2 as an 8-bit GGUF that ships with the package, run by llama.cpp.

One runtime serves chat model and embedder, nothing is downloaded, and no torch is imported.
"""

import hashlib
import threading
from collections.abc import Sequence
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from agentkit.errors import ModelFileError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["Embedder", "MiniLM", "default_embedder"]

_WINDOW = 256
"""Tokens of a text that are looked at, as the model was trained; the rest is cut off."""

_BATCH = 256
"""Tokens that are decoded together."""

_TEXTS = 4
"""Texts that are decoded together."""


class Embedder(Protocol):
    """What an index needs of an embedding model."""

    @property
    def fingerprint(self) -> str:
        """Changes whenever the vectors would: part of an index's key."""

    @property
    def size(self) -> int:
        """Numbers in a vector."""

    def embed(self, texts: Sequence[str]) -> "npt.NDArray[np.float32]":
        """Vectors `[n, size]`, L2-normalised, so that a dot product is the cosine."""


@cache
def default_embedder() -> "MiniLM":
    """The packaged embedder, one a process.

    >>> default_embedder().embed(["a bed for the night", "ein Bett"]).shape
    (2, 384)
    """
    return MiniLM()


class MiniLM:
    """A sentence encoder in a GGUF file; loaded at first use, safe to call from several threads.

    Args:
        path: a GGUF with pooling, default the packaged all-MiniLM-L6-v2.
        threads: threads for long batches; a single query takes one, which on a busy machine is faster.
    """

    size = 384

    def __init__(self, path: Path | None = None, *, threads: int | None = None) -> None:
        self._path = path or Path(str(resources.files("agentkit.models") / "data" / "minilm-q8_0.gguf"))
        self._threads = threads
        self._lock = threading.Lock()
        self._model: Any = None
        self._fingerprint = ""

    @property
    def fingerprint(self) -> str:
        """The file's size and a hash of its head and tail, read once."""
        if not self._fingerprint:
            try:
                size = self._path.stat().st_size
                with self._path.open("rb") as file:
                    head = file.read(65_536)
                    file.seek(max(0, size - 65_536))
                    digest = hashlib.sha256(head + file.read()).hexdigest()
            except OSError as error:
                raise ModelFileError(f"no embedder {str(self._path)!r} ({error.strerror}): reinstall the package") from error
            self._fingerprint = f"{self._path.stem}-{size}-{digest[:16]}"
        return self._fingerprint

    def embed(self, texts: Sequence[str]) -> "npt.NDArray[np.float32]":
        """Vectors `[len(texts), 384]`, L2-normalised; texts longer than 256 tokens are cut.

        Raises:
            ModelFileError: the model file is missing or broken.
        """
        import numpy as np

        vectors = np.zeros((len(texts), self.size), dtype=np.float32)
        with self._lock:
            model = self._load()
            tokens = [model.tokens(text) for text in texts]
            for batch in _batches(tokens):
                vectors[batch] = model.decode([tokens[place] for place in batch])
        vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
        return vectors

    def _load(self) -> "_Context":
        if self._model is None:
            self._model = _Context(self._path, self._threads)
        context: _Context = self._model
        return context


def _batches(tokens: list[list[int]]) -> list[list[int]]:
    """Places of texts that are decoded together: short with short, up to `_BATCH` tokens and `_TEXTS` texts."""
    batches: list[list[int]] = []
    room = 0
    for place in sorted(range(len(tokens)), key=lambda place: len(tokens[place])):
        if not batches or len(tokens[place]) > room or len(batches[-1]) == _TEXTS:
            batches.append([])
            room = _BATCH
        batches[-1].append(place)
        room -= len(tokens[place])
    return batches


class _Context:
    """llama.cpp's model and context for embeddings; not thread-safe."""

    def __init__(self, path: Path, threads: int | None) -> None:
        import llama_cpp

        from agentkit.models.weights import start_backend

        start_backend()  # else each load is reported on stderr
        self._lib: Any = llama_cpp
        settings = llama_cpp.llama_model_default_params()
        settings.n_gpu_layers = 0
        self._model = llama_cpp.llama_model_load_from_file(str(path).encode(), settings) if path.is_file() else None
        if not self._model:
            raise ModelFileError(f"the embedder {str(path)!r} is missing or broken: reinstall the package")
        window = llama_cpp.llama_context_default_params()
        window.n_ctx = window.n_batch = window.n_ubatch = _BATCH
        window.n_seq_max = _TEXTS
        window.kv_unified = True
        window.embeddings = True
        window.n_threads = window.n_threads_batch = threads or 1
        self._context = llama_cpp.llama_init_from_model(self._model, window)
        if not self._context:
            raise ModelFileError(f"the embedder {str(path)!r} is not a model that makes embeddings")
        self._vocab = llama_cpp.llama_model_get_vocab(self._model)
        self._end = llama_cpp.llama_vocab_sep(self._vocab)
        self._batch = llama_cpp.llama_batch_init(_BATCH, 0, 1)

    def tokens(self, text: str) -> list[int]:
        """The text's token ids with the marks of beginning and end, `_WINDOW` at most."""
        data = text[: _WINDOW * 40].encode("utf-8", errors="replace")
        room = len(data) + 8
        ids = (self._lib.llama_token * room)()
        count = self._lib.llama_tokenize(self._vocab, data, len(data), ids, room, True, False)
        found = list(ids[: max(count, 0)])
        return found if len(found) <= _WINDOW else [*found[: _WINDOW - 1], self._end]

    def decode(self, texts: list[list[int]]) -> "npt.NDArray[np.float32]":
        """Mean-pooled vectors `[len(texts), size]` of texts that fit one batch."""
        import numpy as np

        batch, place = self._batch, 0
        for sequence, ids in enumerate(texts):
            for position, token in enumerate(ids):
                batch.token[place], batch.pos[place] = token, position
                batch.n_seq_id[place], batch.seq_id[place][0], batch.logits[place] = 1, sequence, 1
                place += 1
        batch.n_tokens = place
        if (code := self._lib.llama_encode(self._context, batch)) != 0:
            raise ModelFileError(f"the embedder failed (llama_encode returned {code})")
        size = self._lib.llama_model_n_embd(self._model)
        pointers = [self._lib.llama_get_embeddings_seq(self._context, sequence) for sequence in range(len(texts))]
        return np.stack([np.ctypeslib.as_array(pointer, shape=(size,)) for pointer in pointers])
