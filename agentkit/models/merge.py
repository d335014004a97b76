"""Merging a LoRA into its base model, on GGUF files, with numpy alone.

For each adapted weight W of shape [out, in] and its factors A [rank, in] and B [out, rank]: `W + scale * alpha / rank * B A`
(Hu et al. 2021, arXiv 2106.09685, section 4.1). The base is dequantised, and written again in a type that is read faster.
"""

import os
from pathlib import Path
from typing import Any

from agentkit.errors import ModelFileError

__all__ = ["merge_adapter"]

_FILE_TYPES = {"F16": 1, "Q8_0": 7}


def merge_adapter(base: Path, adapter: Path, merged: Path, *, kind: str = "Q8_0", scale: float = 1.0) -> None:
    """Write a GGUF of base and adapter merged; metadata of both, the adapter's `agentkit.*` keys included.

    Args:
        base: the model that the adapter was trained on.
        adapter: a GGUF LoRA.
        merged: the file to write; it appears at once or not at all.
        kind: type of the matrices, `Q8_0` or `F16`; vectors are float32.
        scale: how much the adapter counts.

    Raises:
        ModelFileError: the files do not belong together, or cannot be read or written.
    """
    import gguf

    try:
        model, lora = gguf.GGUFReader(base), gguf.GGUFReader(adapter)
    except (OSError, ValueError, KeyError, IndexError) as error:
        raise ModelFileError(f"{base.name} and {adapter.name} cannot be merged: {error}") from error
    factors = {tensor.name: tensor for tensor in lora.tensors}
    alpha = lora.get_field("adapter.lora.alpha")
    architecture = str(_value(model, "general.architecture"))
    if str(_value(lora, "general.architecture")) != architecture or alpha is None:
        raise ModelFileError(f"{adapter.name} is no LoRA for a model of kind {architecture}")
    temporary = merged.with_name(f"{merged.name}.{os.getpid()}.part")
    writer = gguf.GGUFWriter(temporary, architecture)
    try:
        _copy_metadata(writer, model, skip=("general.architecture", "general.file_type", "general.quantization_version"))
        _copy_metadata(writer, lora, only="agentkit.")
        writer.add_file_type(_FILE_TYPES[kind])
        for tensor in model.tensors:
            _add(writer, tensor, factors, scale * float(alpha.contents()), kind)
        if factors:
            raise ModelFileError(f"{adapter.name} adapts weights that {base.name} does not have: {sorted(factors)[:3]}")
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        temporary.replace(merged)
    except OSError as error:
        raise ModelFileError(f"{merged} cannot be written: {error}. Free some space or set AGENTKIT_HOME to another folder.") from error
    finally:
        temporary.unlink(missing_ok=True)


def _value(reader: Any, key: str) -> Any:
    field = reader.get_field(key)
    return field.contents() if field is not None else None


def _copy_metadata(writer: Any, reader: Any, *, skip: tuple[str, ...] = (), only: str = "") -> None:
    for field in reader.fields.values():
        if field.name.startswith("GGUF.") or field.name in skip or not field.name.startswith(only):
            continue
        writer.add_key_value(field.name, field.contents(), field.types[0], sub_type=field.types[-1] if len(field.types) > 1 else None)


def _add(writer: Any, tensor: Any, factors: dict[str, Any], scale: float, kind: str) -> None:
    """Write one tensor, its factors merged and taken from `factors`."""
    import numpy as np
    from gguf import GGMLQuantizationType
    from gguf.quants import dequantize, quantize

    weight = dequantize(tensor.data, tensor.tensor_type).astype(np.float32)
    down, up = factors.pop(f"{tensor.name}.lora_a", None), factors.pop(f"{tensor.name}.lora_b", None)
    if down is not None and up is not None:
        a, b = (dequantize(factor.data, factor.tensor_type).astype(np.float32) for factor in (down, up))
        if (b.shape[0], a.shape[1]) != weight.shape:
            raise ModelFileError(f"the factors of {tensor.name}, {a.shape} and {b.shape}, do not fit its shape {weight.shape}")
        weight += (scale / a.shape[0]) * (b @ a)
    if weight.ndim == 1:
        writer.add_tensor(tensor.name, weight)
    elif kind == "F16":
        writer.add_tensor(tensor.name, weight.astype(np.float16))
    else:
        writer.add_tensor(tensor.name, quantize(weight, GGMLQuantizationType.Q8_0), raw_dtype=GGMLQuantizationType.Q8_0)
