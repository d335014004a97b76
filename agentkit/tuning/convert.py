"""Trained factors to a LoRA adapter in GGUF, as llama.cpp loads it and `agentkit.models.merge` merges it.

The factors were trained in the layout of the base's GGUF, so nothing has to be reordered. Beside llama.cpp's own keys
the file says what it was made for and how: `agentkit.contract`, `agentkit.golden_hash`, `agentkit.base_sha256`,
`agentkit.recipe` (JSON), `agentkit.date`.
"""

import datetime
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from agentkit.contract import CONTRACT
from agentkit.tuning.factors import FactorSet

__all__ = ["write_adapter"]


def write_adapter(path: Path, factors: FactorSet, *, golden_hash: str, base_sha256: str, recipe: Mapping[str, Any]) -> None:
    """Write the factors at f16; whole or not at all.

    Args:
        path: of the GGUF.
        factors: trained values.
        golden_hash: of the prompt contract's golden transcript.
        base_sha256: of the base model's file.
        recipe: how the factors were made.
    """
    import gguf

    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".new")
    writer = gguf.GGUFWriter(str(unfinished), "llama")
    writer.add_string("general.type", "adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", factors.alpha)
    writer.add_string("general.name", "agentkit embedded adapter")
    writer.add_string("general.license", "mit")
    writer.add_uint32("agentkit.contract", CONTRACT)
    writer.add_string("agentkit.golden_hash", golden_hash)
    writer.add_string("agentkit.base_sha256", base_sha256)
    writer.add_string("agentkit.recipe", json.dumps(dict(recipe)))
    writer.add_string("agentkit.date", datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d"))
    for name, value in factors.values.items():
        writer.add_tensor(f"{name}.weight.lora_a", value.a.numpy().astype(np.float16))  # [rank, in]
        writer.add_tensor(f"{name}.weight.lora_b", value.b.numpy().astype(np.float16))  # [out, rank]
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    os.replace(unfinished, path)
