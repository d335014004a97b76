"""The first key-values of a GGUF file, read before llama.cpp sees it.

llama.cpp refuses most broken files with an error, but a few values make it end the whole process (`GGML_ASSERT`).
They are looked at here, and a file that is no model at all is named as what it is.
"""

import math
import struct
from pathlib import Path
from typing import Any, BinaryIO

from agentkit.errors import ModelFileError

__all__ = ["check_model", "read_header"]

_SCALARS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}
"""GGUF's types of numbers; 8 is a string, 9 a list."""

_LONGEST = 1 << 20
"""Bytes of a string that is read; a longer one ends the reading, as the first key of the tokenizer does."""

_MOST_LAYERS = 512


def read_header(path: Path) -> dict[str, Any]:
    """The key-values in front of the tokenizer's: architecture, sizes, kind. What cannot be read ends the reading.

    Raises:
        ModelFileError: the file is no GGUF.
    """
    values: dict[str, Any] = {}
    with path.open("rb") as file:
        magic = file.read(4)
        if magic != b"GGUF":
            raise ModelFileError(f"{str(path)!r} is not a GGUF file (it begins with {magic!r}): llama.cpp models end in .gguf")
        try:
            _, _, count = struct.unpack("<IQQ", file.read(20))
            for _ in range(min(count, 512)):
                key = _string(file)
                if key.startswith("tokenizer."):
                    break
                values[key] = _value(file, *struct.unpack("<I", file.read(4)))
        except (struct.error, ValueError, OverflowError):
            pass  # llama.cpp says better what is wrong
    return values


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
    values = read_header(path)
    architecture = values.get("general.architecture", "unknown")
    if values.get("general.type") == "adapter":
        raise ModelFileError(
            f"{str(path)!r} is an adapter, not a model: name it behind its model, as in llama-cpp:MODEL.gguf?adapter={path.name}"
        )
    if values.get(f"{architecture}.attention.causal") is False:
        raise ModelFileError(f"{str(path)!r} is an embedding model ({architecture}): it cannot write text. Choose a chat model.")
    layers = values.get(f"{architecture}.block_count", 1)
    epsilons = [value for key, value in values.items() if key.endswith("epsilon") and isinstance(value, float)]
    if not (isinstance(layers, int) and 0 < layers <= _MOST_LAYERS) or any(not math.isfinite(e) or e < 0 for e in epsilons):
        raise ModelFileError(f"{str(path)!r} is broken: its header holds impossible sizes. Fetch the file again or choose another model.")
