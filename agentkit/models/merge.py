"""Merge a LoRA adapter into its base model: one GGUF of a fast type, read like any other model.

Needs only numpy and the `gguf` package. Applying an adapter at run time costs a third of the decoding speed, and the
base's 4-bit type reads prompts slowly; merging once takes seconds and mends both.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from agentkit.errors import ModelFileError

if TYPE_CHECKING:
    import numpy as np
    from gguf import GGUFReader, GGUFWriter
    from numpy.typing import NDArray

__all__ = ["merge_adapter"]

_FILE_TYPES = {"f16": 1, "q8_0": 7}
"""Number of each type in `general.file_type`."""

_OWN = "agentkit."
"""Keys of the adapter that the merged file keeps: contract, golden hash, recipe."""


def merge_adapter(base: Path, adapter: Path, merged: Path, *, kind: Literal["q8_0", "f16"] = "q8_0") -> None:
    """Write `base` with `adapter` added to its weights; whole or not at all, in some seconds.

    Args:
        base: a GGUF model of any quantisation that `gguf` can read.
        adapter: a GGUF LoRA for it.
        merged: the file to write.
        kind: type of the matrices in the merged file.

    Raises:
        ModelFileError: a file is no GGUF of its kind, or the adapter does not fit the base.
    """
    reader = _read(base)
    factors, scale, own = _adapter(adapter)
    names = {tensor.name for tensor in reader.tensors}
    strangers = sorted(set(factors) - names)
    if strangers:
        raise ModelFileError(f"{str(adapter)!r} was made for another model: {str(base)!r} has no tensor {strangers[0]!r}")
    from gguf import GGUFWriter

    unfinished = merged.with_name(f"{merged.name}.{os.getpid()}.new")
    try:
        writer = GGUFWriter(unfinished, str(_value(reader, "general.architecture")))
        _copy_metadata(reader, writer, {**own, "general.file_type": _FILE_TYPES[kind]})
        for tensor in reader.tensors:
            _add(writer, tensor, factors.get(tensor.name), scale, kind)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        os.replace(unfinished, merged)
    finally:
        unfinished.unlink(missing_ok=True)


def _read(path: Path) -> "GGUFReader":
    from gguf import GGUFReader

    try:
        return GGUFReader(path)
    except (OSError, ValueError, KeyError, IndexError) as error:
        raise ModelFileError(f"{str(path)!r} cannot be read as a GGUF: {error}") from error


def _value(reader: "GGUFReader", key: str) -> Any:
    field = reader.get_field(key)
    return field.contents() if field is not None else None


def _adapter(path: Path) -> tuple[dict[str, tuple["NDArray[np.float32]", "NDArray[np.float32]"]], float, dict[str, Any]]:
    """Factors (A [rank, in], B [out, rank]) by the name of the tensor, what they count, and the adapter's own keys."""
    import numpy as np

    reader = _read(path)
    if _value(reader, "general.type") != "adapter" or _value(reader, "adapter.type") != "lora":
        raise ModelFileError(f"{str(path)!r} is not a LoRA adapter (general.type is {_value(reader, 'general.type')!r})")
    tensors = {tensor.name: np.asarray(tensor.data, dtype=np.float32) for tensor in reader.tensors}
    factors = {
        name.removesuffix(".lora_a"): (tensors[name], tensors[name.removesuffix("a") + "b"]) for name in tensors if name.endswith(".lora_a")
    }
    rank = next(iter(factors.values()))[0].shape[0] if factors else 1
    own = {key: _value(reader, key) for key in reader.fields if key.startswith(_OWN)}
    return factors, float(_value(reader, "adapter.lora.alpha")) / rank, own


def _copy_metadata(reader: "GGUFReader", writer: "GGUFWriter", changed: Mapping[str, Any]) -> None:
    """The base's keys, then the changed ones and the adapter's."""
    for key, field in reader.fields.items():
        if key.startswith("GGUF.") or key == "general.architecture" or key in changed:
            continue
        writer.add_key_value(key, field.contents(), field.types[0], sub_type=field.types[-1] if len(field.types) > 1 else None)
    for key, value in changed.items():
        if isinstance(value, str):
            writer.add_string(key, value)
        else:
            writer.add_uint32(key, int(value))


def _add(writer: "GGUFWriter", tensor: Any, factors: tuple[Any, Any] | None, scale: float, kind: str) -> None:
    """One tensor: merged and converted, or as it is where it is no matrix or has the right type already."""
    import numpy as np
    from gguf import GGMLQuantizationType, quants

    if factors is None and (len(tensor.shape) == 1 or tensor.tensor_type.name.lower() == kind):
        quantised = tensor.data.dtype == np.uint8
        writer.add_tensor(tensor.name, tensor.data, raw_dtype=tensor.tensor_type if quantised else None)
        return
    weight = np.asarray(quants.dequantize(tensor.data, tensor.tensor_type), dtype=np.float32)
    if factors is not None:
        a, b = factors
        weight = weight + scale * (b @ a)
    wanted = GGMLQuantizationType[kind.upper()]
    writer.add_tensor(tensor.name, quants.quantize(weight, wanted), raw_dtype=wanted if kind == "q8_0" else None)
