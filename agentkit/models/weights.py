"""A GGUF file in memory: weights, vocabulary, tokenizer. Shared by everything that runs on the same file."""

import collections
import ctypes
import functools
import hashlib
import re
import threading
import weakref
from collections.abc import Callable, Hashable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import llama_cpp

from agentkit.errors import ModelFileError
from agentkit.models.header import check_model

__all__ = ["Weights", "clear_log", "file_fingerprint", "last_error", "open_weights", "start_backend"]

T = TypeVar("T")

_LOG: collections.deque[tuple[int, str]] = collections.deque(maxlen=40)
_OPEN: weakref.WeakValueDictionary[tuple[Any, ...], "Weights"] = weakref.WeakValueDictionary()
_LOCK = threading.Lock()


@llama_cpp.llama_log_callback  # type: ignore[untyped-decorator]
def _keep_log(level: int, text: bytes, _data: Any) -> None:
    """llama.cpp prints pages to stderr: keep the last lines for error messages instead."""
    if level >= 3 and text.strip():  # GGML_LOG_LEVEL_WARN and above
        _LOG.append((level, text.decode("utf-8", "replace").strip()))


@functools.cache
def start_backend() -> None:
    """Start llama.cpp and keep its log to ourselves: whatever uses it calls this first."""
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
        check_model(path)
        start_backend()
        params = llama_cpp.llama_model_default_params()
        params.n_gpu_layers = n_gpu_layers
        clear_log()
        self.model = llama_cpp.llama_model_load_from_file(str(path).encode(), params)
        if not self.model:
            raise ModelFileError(f"{str(path)!r} cannot be loaded by llama.cpp: {last_error()}. Fetch it again or choose another model.")
        weakref.finalize(self, llama_cpp.llama_model_free, self.model)
        self.metadata = _metadata(self.model)
        self.vocab = llama_cpp.llama_model_get_vocab(self.model)
        self._check_kind()
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

    def _check_kind(self) -> None:
        if llama_cpp.llama_model_has_encoder(self.model) or not llama_cpp.llama_model_has_decoder(self.model):
            raise ModelFileError(f"{str(self.path)!r} is no decoder-only model: models that read by an encoder are not run here")
        if llama_cpp.llama_vocab_type(self.vocab) == llama_cpp.LLAMA_VOCAB_TYPE_NONE:
            raise ModelFileError(f"{str(self.path)!r} carries no vocabulary: choose a GGUF file with its tokenizer")

    @functools.cached_property
    def fingerprint(self) -> str:
        """Identity of the file's content."""
        return file_fingerprint(self.path)

    @functools.cached_property
    def forgets_parts(self) -> bool:
        """Whether the cache can be cut at any token; a recurrent state cannot."""
        return not (llama_cpp.llama_model_is_recurrent(self.model) or llama_cpp.llama_model_is_hybrid(self.model))

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
        """Token ids of a text that stands anywhere in a prompt.

        `special` reads control tokens such as `<|im_end|>`, else they are plain characters. No token is added, not even the
        space that some vocabularies put before a text. Lone surrogates become U+FFFD.
        """
        if not text:
            return []
        lead = self._lead
        tokens = self._tokenize(f"\n{text}" if lead else text, special)
        return tokens[len(lead) :] if tokens[: len(lead)] == lead else self._tokenize(text, special)

    @functools.cached_property
    def _lead(self) -> list[int]:
        """The tokens of a line break where the vocabulary puts a space before a text: behind them nothing is added."""
        spaced = self.metadata.get("tokenizer.ggml.add_space_prefix", "true") != "false"
        sentencepiece = llama_cpp.llama_vocab_type(self.vocab) == llama_cpp.LLAMA_VOCAB_TYPE_SPM
        return self._tokenize("\n", False) if sentencepiece and spaced else []

    def _tokenize(self, text: str, special: bool) -> list[int]:
        data = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()
        room = len(data) + 8
        buffer = (llama_cpp.llama_token * room)()
        count = llama_cpp.llama_tokenize(self.vocab, data, len(data), buffer, room, False, special)
        if count < 0:
            buffer = (llama_cpp.llama_token * -count)()
            count = llama_cpp.llama_tokenize(self.vocab, data, len(data), buffer, -count, False, special)
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
        try:
            return LLTokenizer.from_llamacpp(  # type: ignore[attr-defined]
                tokens=[b"\xff" + piece if self.is_control(token) else piece for token, piece in enumerate(self.pieces)],
                vocab_ptr=self.vocab,
                tokenize_fptr=ctypes.cast(tokenize, ctypes.c_void_p).value,
                eos_token=sorted(self.end_tokens) or None,
                slices=None,
            )
        except ValueError as error:
            raise ModelFileError(f"the vocabulary of {str(self.path)!r} cannot be used for grammars: {error}") from error


def open_weights(path: str | Path, *, n_gpu_layers: int = 0) -> Weights:
    """Return the weights of a file, loading it unless it is loaded already and unchanged."""
    file = Path(path).expanduser()
    if not file.is_file():
        what = "is a folder" if file.is_dir() else "does not exist"
        raise ModelFileError(f"the model file {str(path)!r} {what}: give the path of a GGUF file, as in llama-cpp:models/NAME.gguf")
    stat = file.stat()
    key = (str(file.resolve()), stat.st_mtime_ns, stat.st_size, n_gpu_layers)
    with _LOCK:
        weights = _OPEN.get(key)
        if weights is None:
            weights = _OPEN[key] = Weights(file, n_gpu_layers=n_gpu_layers)
        return weights


def file_fingerprint(path: Path) -> str:
    """Identity of a file's content: a hash of its size, its first and its last megabyte; kept while the file is unchanged."""
    stat = path.stat()
    return _fingerprint(path, stat.st_mtime_ns, stat.st_size)


@functools.lru_cache(maxsize=64)
def _fingerprint(path: Path, _changed: int, size: int) -> str:
    digest = hashlib.sha256(str(size).encode())
    with path.open("rb") as file:
        digest.update(file.read(1 << 20))
        file.seek(max(0, size - (1 << 20)))
        digest.update(file.read())
    return digest.hexdigest()[:16]


def _metadata(model: Any) -> dict[str, str]:
    buffer = ctypes.create_string_buffer(1 << 20)
    result = {}
    for index in range(llama_cpp.llama_model_meta_count(model)):
        llama_cpp.llama_model_meta_key_by_index(model, index, buffer, len(buffer))
        key = buffer.value.decode("utf-8", "replace")
        llama_cpp.llama_model_meta_val_str_by_index(model, index, buffer, len(buffer))
        result[key] = buffer.value.decode("utf-8", "replace")
    return result


def last_error() -> str:
    """The first error that llama.cpp logged since the log was cleared, without the names of its functions."""
    lines = [text for level, text in _LOG if level >= 4] or [text for _, text in _LOG]
    return re.sub(r"^\w+: (error loading model: )?", "", lines[0]) if lines else "the file is broken or of an unknown kind"


def clear_log() -> None:
    """Forget what llama.cpp logged."""
    _LOG.clear()
