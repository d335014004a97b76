"""Merging an adapter into its base."""

from pathlib import Path
from typing import Literal

import gguf
import numpy as np
import pytest

from agentkit.contract import CONTRACT
from agentkit.errors import ModelFileError
from agentkit.models.merge import merge_adapter
from agentkit.tuning.base_weights import BaseWeights, read_base
from agentkit.tuning.convert import write_adapter
from agentkit.tuning.factors import FactorSet
from tests.tuning.tiny_llama import random_base, random_model, write_base


def made(folder: Path) -> tuple[BaseWeights, FactorSet]:
    base, factors = random_base(), random_model(random_base()).factors
    write_base(folder / "base.gguf", base)
    write_adapter(folder / "adapter.gguf", factors, golden_hash="abc", base_sha256="def", recipe={"rank": 3})
    return base, factors


@pytest.mark.parametrize(("kind", "tolerance"), [("f16", 2e-3), ("q8_0", 3e-2)])
def test_merged_weights_are_base_plus_scaled_product(tmp_path: Path, kind: Literal["f16", "q8_0"], tolerance: float) -> None:
    _, factors = made(tmp_path)
    base = read_base(tmp_path / "base.gguf")
    merge_adapter(tmp_path / "base.gguf", tmp_path / "adapter.gguf", tmp_path / "merged.gguf", kind=kind)
    merged = read_base(tmp_path / "merged.gguf")
    for name, value in factors.values.items():
        expected = base.tensors[f"{name}.weight"] + factors.scale * (value.b @ value.a).numpy()
        assert np.allclose(merged.tensors[f"{name}.weight"], expected, atol=tolerance), name
    assert np.array_equal(merged.tensors["output_norm.weight"], base.tensors["output_norm.weight"])
    assert merged.shape == base.shape


def test_the_merged_file_keeps_the_metadata_of_both(tmp_path: Path) -> None:
    made(tmp_path)
    merge_adapter(tmp_path / "base.gguf", tmp_path / "adapter.gguf", tmp_path / "merged.gguf")
    fields = gguf.GGUFReader(tmp_path / "merged.gguf").fields
    assert fields["agentkit.contract"].contents() == CONTRACT
    assert fields["agentkit.golden_hash"].contents() == "abc"
    assert fields["tokenizer.ggml.tokens"].contents()[:2] == ["t0", "t1"]
    assert "general.type" not in fields or fields["general.type"].contents() != "adapter"
    assert [path.name for path in tmp_path.glob("*.new")] == []


def test_what_is_no_adapter_or_no_gguf_is_refused(tmp_path: Path) -> None:
    made(tmp_path)
    with pytest.raises(ModelFileError, match="is not a LoRA adapter"):
        merge_adapter(tmp_path / "base.gguf", tmp_path / "base.gguf", tmp_path / "merged.gguf")
    (tmp_path / "broken.gguf").write_bytes(b"no model at all")
    with pytest.raises(ModelFileError, match="cannot be read"):
        merge_adapter(tmp_path / "broken.gguf", tmp_path / "adapter.gguf", tmp_path / "merged.gguf")


def test_an_adapter_of_another_model_is_refused(tmp_path: Path) -> None:
    made(tmp_path)
    stranger = FactorSet({"blk.9.attn_q": (32, 32)}, rank=2)
    write_adapter(tmp_path / "stranger.gguf", stranger, golden_hash="", base_sha256="", recipe={})
    with pytest.raises(ModelFileError, match="made for another model"):
        merge_adapter(tmp_path / "base.gguf", tmp_path / "stranger.gguf", tmp_path / "merged.gguf")
    assert not (tmp_path / "merged.gguf").exists()
