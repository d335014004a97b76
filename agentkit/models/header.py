"""The first key-values of a GGUF file, read before llama.cpp sees it.

llama.cpp refuses most broken files with an error, but a few values make it end the whole process (`GGML_ASSERT`).
They are looked at here, and a file that is no model at all is named as what it is.
"""

import contextlib
import math
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from agentkit.errors import ModelFileError

__all__ = ["check_model", "read_header"]

_SCALARS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}
"""GGUF's types of numbers; 8 is a string, 9 a list."""

_TOKENS = "tokenizer.ggml.tokens"

_LONGEST = 1 << 20
"""Bytes of a string that is read; a longer one ends the reading."""

_MOST_LAYERS = 512


def read_header(path: Path) -> dict[str, Any]:
    """The key-values in front of the vocabulary: architecture, sizes, kind. What cannot be read ends the reading.

    Raises:
        ModelFileError: the file is no GGUF.
    """
    with path.open("rb") as file:
        return _read(path, file)


def _read(path: Path, file: BinaryIO) -> dict[str, Any]:
    values: dict[str, Any] = {}
    magic = file.read(4)
    if magic != b"GGUF":
        raise ModelFileError(f"{str(path)!r} is not a GGUF file (it begins with {magic!r}): llama.cpp models end in .gguf")
    with contextlib.suppress(struct.error, ValueError, OverflowError):  # llama.cpp says better what is wrong
        _, _, count = struct.unpack("<IQQ", file.read(20))
        for _ in range(min(count, 512)):
            key = _string(file)
            if key == _TOKENS:
                break
            values[key] = _value(file, *struct.unpack("<I", file.read(4)))
    return values


def _read_tokens(file: BinaryIO) -> list[bytes]:
    """The vocabulary, behind its key; empty where it cannot be read."""
    kind, inner, count = struct.unpack("<IIQ", file.read(16).ljust(16, b"\0"))
    if (kind, inner) != (9, 8) or count > _LONGEST:
        return []
    data, place, tokens = file.read(count * 64), 0, []
    unpack = struct.Struct("<Q").unpack_from
    try:
        for _ in range(count):
            place, start = place + 8 + unpack(data, place)[0], place + 8
            tokens.append(data[start:place])
    except (struct.error, OverflowError):
        return []
    return tokens


def _string(file: BinaryIO) -> str:
    (length,) = struct.unpack("<Q", file.read(8))
    if length > _LONGEST:
        raise ValueError(f"a string of {length} bytes")
    return file.read(length).decode("utf-8", "replace")


def _value(file: BinaryIO, kind: int) -> Any:
    if kind == 8:
        return _string(file)
    if kind == 9:
        inner, count = struct.unpack("<IQ", file.read(12))
        return [_value(file, inner) for _ in range(min(count, _LONGEST))]
    if kind not in _SCALARS:
        raise ValueError(f"type {kind}")
    pattern = _SCALARS[kind]
    return struct.unpack(pattern, file.read(struct.calcsize(pattern)))[0]


def check_model(path: Path) -> None:
    """Refuse what is no model that writes text, and what would make llama.cpp end the process.

    Raises:
        ModelFileError: the message says what the file is.
    """
    with path.open("rb") as file:
        values = _read(path, file)
        tokens = _read_tokens(file)
    architecture = values.get("general.architecture", "unknown")
    if values.get("general.type") == "adapter":
        raise ModelFileError(
            f"{str(path)!r} is an adapter, not a model: name it behind its model, as in llama-cpp:MODEL.gguf?adapter={path.name}"
        )
    if values.get(f"{architecture}.attention.causal") is False:
        raise ModelFileError(f"{str(path)!r} is an embedding model ({architecture}): it cannot write text. Choose a chat model.")
    if reason := _impossible(values, architecture) or _unusable(set(tokens), len(tokens), values.get("tokenizer.ggml.model")):
        raise ModelFileError(f"{str(path)!r} is broken: {reason}. Fetch the file again or choose another model.")


def _impossible(values: Mapping[str, Any], architecture: Any) -> str:
    layers = values.get(f"{architecture}.block_count", 1)
    epsilons = [value for key, value in values.items() if key.endswith("epsilon") and isinstance(value, float)]
    possible = isinstance(layers, int) and 0 < layers <= _MOST_LAYERS and all(math.isfinite(e) and e >= 0 for e in epsilons)
    return "" if possible else "its header holds impossible sizes"


def _unusable(tokens: set[bytes], count: int, kind: Any) -> str:
    if len(tokens) < count:
        return "its vocabulary holds the same token twice"
    if kind == "llama" and tokens and not all(b"<0x%02X>" % byte in tokens or bytes([byte]) in tokens for byte in range(256)):
        return "its vocabulary does not hold every byte"
    return ""
