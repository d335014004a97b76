"""A tiny random Llama for the tests of the trainer."""

from pathlib import Path

import gguf
import numpy as np
import torch

from agentkit.tuning.base_weights import BaseWeights, Shape
from agentkit.tuning.factors import FactorSet, dimensions
from agentkit.tuning.lora_model import LoraModel
from agentkit.tuning.packing import Branch

SHAPE = Shape(layers=2, width=32, hidden=64, heads=4, kv_heads=2, vocabulary=50, rope_base=100.0, norm_epsilon=2**-17)


def random_base() -> BaseWeights:
    random = np.random.default_rng(0)
    kv = SHAPE.kv_heads * SHAPE.head_width
    sizes: dict[str, tuple[int, ...]] = {
        "attn_q": (32, 32), "attn_k": (kv, 32), "attn_v": (kv, 32), "attn_output": (32, 32),
        "ffn_gate": (64, 32), "ffn_up": (64, 32), "ffn_down": (32, 64), "attn_norm": (32,), "ffn_norm": (32,),
    }  # fmt: skip
    named = {f"blk.{layer}.{name}.weight": size for layer in range(SHAPE.layers) for name, size in sizes.items()}
    named |= {"token_embd.weight": (50, 32), "output_norm.weight": (32,)}
    return BaseWeights(shape=SHAPE, tensors={name: random.normal(size=size, scale=0.4).astype(np.float32) for name, size in named.items()})


def write_base(path: Path, base: BaseWeights) -> None:
    """As a GGUF of float32 and Q8_0 tensors."""
    writer = gguf.GGUFWriter(str(path), "llama")
    writer.add_block_count(SHAPE.layers)
    writer.add_embedding_length(SHAPE.width)
    writer.add_feed_forward_length(SHAPE.hidden)
    writer.add_head_count(SHAPE.heads)
    writer.add_head_count_kv(SHAPE.kv_heads)
    writer.add_rope_freq_base(SHAPE.rope_base)
    writer.add_layer_norm_rms_eps(SHAPE.norm_epsilon)
    writer.add_string("tokenizer.chat_template", "{{ messages }}")
    writer.add_array("tokenizer.ggml.tokens", [f"t{i}" for i in range(SHAPE.vocabulary)])
    for name, tensor in base.tensors.items():
        if name.endswith("ffn_down.weight"):
            kind = gguf.GGMLQuantizationType.Q8_0
            writer.add_tensor(name, gguf.quants.quantize(tensor, kind), raw_dtype=kind)
        else:
            writer.add_tensor(name, tensor)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def random_model(base: BaseWeights) -> LoraModel:
    factors = FactorSet(dimensions(base.tensors, SHAPE.layers), rank=3, alpha=6.0)
    factors.initialise(1)
    factors.parameters.add_(torch.randn(factors.parameters.shape, generator=torch.Generator().manual_seed(2)) * 0.1)
    return LoraModel(base, factors)


def sequence(length: int, *, seed: int) -> tuple[int, ...]:
    return tuple(np.random.default_rng(seed).integers(0, 50, length).tolist())


def branch(length: int, trained: int, *, seed: int) -> Branch:
    return Branch(sequence(length, seed=seed), (0.0,) * (length - trained) + (1.0,) * (trained - 1) + (0.5,))
