"""A GGUF file in memory: weights, vocabulary, tokenizer. Shared by everything that runs on the same file."""

import collections
import ctypes
import functools
import hashlib
import threading
import weakref
from collections.abc import Callable, Hashable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import llama_cpp

from agentkit.errors import ModelFileError

__all__ = ["Weights", "open_weights"]

T = TypeVar("T")

_LOG: collections.deque[str] = collections.deque(maxlen=40)
_OPEN: weakref.WeakValueDictionary[tuple[Any, ...], "Weights"] = weakref.WeakValueDictionary()
_LOCK = threading.Lock()


@llama_cpp.llama_log_callback  # type: ignore[untyped-decorator]
def _keep_log(level: int, text: bytes, _data: Any) -> None:
    """llama.cpp prints pages to stderr: keep the last lines for error messages instead."""
    if level >= 3 and text.strip():  # GGML_LOG_LEVEL_WARN and above
        _LOG.append(text.decode("utf-8", "replace").strip())


@functools.cache
def _start_backend() -> None:
    llama_cpp.llama_log_set(_keep_log, ctypes.c_void_p(0))
    llama_cpp.llama_backend_init()


class Weights:
    """The model of one GGUF file.

    Made by `open_weights`, which hands out one object a file.

    Raises:
        ModelFileError: the file is missing, is no GGUF, is broken, or holds no model that can chat.
    """

    def __init__(self, path: Path, *, n_gpu_layers: int = 0) -> None:
        self.path = path
        self._memory: collections.OrderedDict[Hashable, Any] = collections.OrderedDict()
        self._lock = threading.RLock()
        _check_magic(path)
        _start_backend()
        params = llama_cpp.llama_model_default_params()
        params.n_gpu_layers = n_gpu_layers
        _LOG.clear()
        self.model = llama_cpp.llama_model_load_from_file(str(path).encode(), params)
        if not self.model:
            raise ModelFileError(f"{str(path)!r} cannot be loaded by llama.cpp: {_reason()}. Fetch the file again or choose another model.")
        weakref.finalize(self, llama_cpp.llama_model_free, self.model)
        self.metadata = _metadata(self.model)
        _check_kind(path, self.metadata)
        self.vocab = llama_cpp.llama_model_get_vocab(self.model)
        self.n_vocab: int = llama_cpp.llama_vocab_n_tokens(self.vocab)
        self.n_ctx_train: int = llama_cpp.llama_model_n_ctx_train(self.model)
        self.end_tokens = frozenset(token for token in range(self.n_vocab) if llama_cpp.llama_vocab_is_eog(self.vocab, token))
        """All tokens that end a generation, not only the one that is called eos."""

    def remember(self, key: Hashable, make: Callable[[], T]) -> T:
        """Make a thing that belongs to these weights once; the 256 used last are kept, as long as the weights are."""
        with self._lock:
            if key not in self._memory:
                self._memory[key] = make()
            self._memory.move_to_end(key)
            while len(self._memory) > 256:
                self._memory.popitem(last=False)
            thing: T = self._memory[key]
            return thing

    @functools.cached_property
    def fingerprint(self) -> str:
        """Identity of the file's content: a hash of its size, its first and its last megabyte."""
        size = self.path.stat().st_size
        digest = hashlib.sha256(str(size).encode())
        with self.path.open("rb") as file:
            digest.update(file.read(1 << 20))
            file.seek(max(0, size - (1 << 20)))
            digest.update(file.read())
        return digest.hexdigest()[:16]

    @property
    def template(self) -> str | None:
        """The model's own chat template (Jinja), if it carries one."""
        return self.metadata.get("tokenizer.chat_template")

    def special(self, key: str) -> str:
        """The text of a special token such as `bos` or `eos`; empty when there is none."""
        token = {"bos": llama_cpp.llama_vocab_bos, "eos": llama_cpp.llama_vocab_eos}[key](self.vocab)
        return self.piece(token).decode("utf-8", "replace") if token >= 0 else ""

    @property
    def adds_bos(self) -> bool:
        """Whether a prompt begins with the bos token."""
        return bool(llama_cpp.llama_vocab_get_add_bos(self.vocab))

    def tokenize(self, text: str, *, special: bool = False) -> list[int]:
        """Token ids of a text; `special` reads control tokens such as `<|im_end|>`, else they are plain characters."""
        data = text.encode("utf-8", "surrogatepass")
        room = len(data) + 8
        buffer = (llama_cpp.llama_token * room)()
        count = llama_cpp.llama_tokenize(self.vocab, data, len(data), buffer, room, False, special)
        if count < 0:
            room = -count
            buffer = (llama_cpp.llama_token * room)()
            count = llama_cpp.llama_tokenize(self.vocab, data, len(data), buffer, room, False, special)
        return list(buffer[:count])

    def piece(self, token: int) -> bytes:
        """The bytes of one token, control tokens included."""
        room = 64
        buffer = ctypes.create_string_buffer(room)
        count = llama_cpp.llama_token_to_piece(self.vocab, token, buffer, room, 0, True)
        if count < 0:
            room = -count
            buffer = ctypes.create_string_buffer(room)
            count = llama_cpp.llama_token_to_piece(self.vocab, token, buffer, room, 0, True)
        return buffer.raw[:count]

    def detokenize(self, tokens: Iterable[int]) -> bytes:
        """The bytes of a sequence of tokens."""
        pieces = self.pieces
        return b"".join(pieces[token] for token in tokens)

    @functools.cached_property
    def pieces(self) -> list[bytes]:
        """The bytes of every token."""
        return [self.piece(token) for token in range(self.n_vocab)]

    def is_control(self, token: int) -> bool:
        """Whether a token is no text but a mark such as `<|im_end|>`."""
        attributes = llama_cpp.llama_vocab_get_attr(self.vocab, token)
        marked = self.pieces[token].startswith(b"<") and self.pieces[token].endswith(b">")
        return bool(attributes & llama_cpp.LLAMA_TOKEN_ATTR_CONTROL or (attributes & llama_cpp.LLAMA_TOKEN_ATTR_USER_DEFINED and marked))

    @functools.cached_property
    def constraint_tokenizer(self) -> Any:
        """The vocabulary as llguidance wants it (0.3 s, once): marks begin with a byte that no text holds."""
        from llguidance import LLTokenizer

        tokenize: Any = llama_cpp.llama_cpp._lib.llama_tokenize
        return LLTokenizer.from_llamacpp(  # type: ignore[attr-defined]
            tokens=[b"\xff" + piece if self.is_control(token) else piece for token, piece in enumerate(self.pieces)],
            vocab_ptr=self.vocab,
            tokenize_fptr=ctypes.cast(tokenize, ctypes.c_void_p).value,
            eos_token=sorted(self.end_tokens) or None,
            slices=None,
        )


def open_weights(path: str | Path, *, n_gpu_layers: int = 0) -> Weights:
    """Return the weights of a file, loading it unless it is loaded already and unchanged."""
    file = Path(path).expanduser()
    if not file.is_file():
        raise ModelFileError(f"there is no model file {str(path)!r}: give the path of a GGUF file, as in llama-cpp:models/NAME.gguf")
    stat = file.stat()
    key = (str(file.resolve()), stat.st_mtime_ns, stat.st_size, n_gpu_layers)
    with _LOCK:
        weights = _OPEN.get(key)
        if weights is None:
            weights = _OPEN[key] = Weights(file, n_gpu_layers=n_gpu_layers)
        return weights


def _check_magic(path: Path) -> None:
    with path.open("rb") as file:
        magic = file.read(4)
    if magic != b"GGUF":
        raise ModelFileError(f"{str(path)!r} is not a GGUF file (it begins with {magic!r}): llama.cpp models end in .gguf")


def _check_kind(path: Path, metadata: dict[str, str]) -> None:
    architecture = metadata.get("general.architecture", "unknown")
    if metadata.get("general.type") == "adapter":
        raise ModelFileError(
            f"{str(path)!r} is an adapter, not a model: name it behind its model, as in llama-cpp:MODEL.gguf?adapter={path.name}"
        )
    if metadata.get(f"{architecture}.attention.causal") == "false":
        raise ModelFileError(f"{str(path)!r} is an embedding model ({architecture}): it cannot write text. Choose a chat model.")


def _metadata(model: Any) -> dict[str, str]:
    buffer = ctypes.create_string_buffer(1 << 20)
    result = {}
    for index in range(llama_cpp.llama_model_meta_count(model)):
        llama_cpp.llama_model_meta_key_by_index(model, index, buffer, len(buffer))
        key = buffer.value.decode("utf-8", "replace")
        llama_cpp.llama_model_meta_val_str_by_index(model, index, buffer, len(buffer))
        result[key] = buffer.value.decode("utf-8", "replace")
    return result


def _reason() -> str:
    errors: Sequence[str] = [line for line in _LOG if "error" in line.lower()] or list(_LOG)
    return errors[0].removeprefix("llama_model_load: ") if errors else "the file is broken or of an unknown kind"
