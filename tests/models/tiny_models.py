"""GGUF files made for a test: a random model of one layer, adapters for it."""

from pathlib import Path

import gguf
import numpy as np

__all__ = ["write_adapter", "write_model"]

LAYERS = {"attn_q": (32, 32), "attn_k": (32, 32), "attn_v": (32, 32), "attn_output": (32, 32), "ffn_gate": (64, 32), "ffn_up": (64, 32)}


def _byte_tokens() -> list[str]:
    """GPT-2's letters for bytes."""
    seen = [*range(33, 127), *range(161, 173), *range(174, 256)]
    letters = {byte: chr(byte) for byte in seen}
    hidden = [byte for byte in range(256) if byte not in letters]
    return [letters.get(byte) or chr(256 + hidden.index(byte)) for byte in range(256)]


def _write_words(writer: gguf.GGUFWriter) -> int:
    tokens = [*_byte_tokens(), "ab", "<|im_start|>", "<|im_end|>"]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(tokens)
    writer.add_token_types([gguf.TokenType.NORMAL] * 257 + [gguf.TokenType.CONTROL] * 2)
    writer.add_token_merges(["a b"])
    writer.add_bos_token_id(257)
    writer.add_eos_token_id(258)
    return len(tokens)


def _write_sentencepiece(writer: gguf.GGUFWriter) -> int:
    words = ["\u2581", "\u2581hello", "hello", "\u2581[", "INST", "]", "[", *"helo INST"]
    tokens = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), *dict.fromkeys(words)]
    kinds = [gguf.TokenType.UNKNOWN, *[gguf.TokenType.CONTROL] * 2, *[gguf.TokenType.BYTE] * 256]
    writer.add_tokenizer_model("llama")
    writer.add_token_list(tokens)
    writer.add_token_scores([0.0] * 259 + [-float(place) for place in range(len(tokens) - 259)])
    writer.add_token_types([*kinds, *[gguf.TokenType.NORMAL] * (len(tokens) - 259)])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    return len(tokens)


def write_model(path: Path, *, template: str | None = None, sentencepiece: bool = False, kind: str = "llama", seed: int = 0) -> Path:
    """A llama model of one layer and 32 dimensions with random weights; 110 kB."""
    writer = gguf.GGUFWriter(path, kind)
    writer.add_context_length(512)
    writer.add_embedding_length(32)
    writer.add_block_count(1)
    writer.add_feed_forward_length(64)
    writer.add_head_count(2)
    writer.add_layer_norm_rms_eps(1e-5)
    words = _write_sentencepiece(writer) if sentencepiece else _write_words(writer)
    writer.add_vocab_size(words)
    if template:
        writer.add_chat_template(template)
    random = np.random.default_rng(seed)
    shapes: dict[str, tuple[int, ...]] = {"token_embd": (words, 32), "output": (words, 32), "output_norm": (32,), "blk.0.attn_norm": (32,)}
    shapes |= {"blk.0.ffn_norm": (32,), "blk.0.ffn_down": (32, 64), **{f"blk.0.{name}": shape for name, shape in LAYERS.items()}}
    for name, shape in shapes.items():
        writer.add_tensor(f"{name}.weight", (random.standard_normal(shape) * 0.3).astype(np.float32))
    return _written(writer, path)


def write_adapter(path: Path, *, seed: int = 0, width: int = 32, contract: int | None = None, golden: str | None = None) -> Path:
    """A LoRA of rank 2 on the queries of the first layer of `write_model`, with the keys of a prompt contract if wanted."""
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", 4.0)
    if contract is not None:
        writer.add_uint32("agentkit.contract", contract)
    if golden is not None:
        writer.add_string("agentkit.golden_hash", golden)
    random = np.random.default_rng(seed)
    writer.add_tensor("blk.0.attn_q.weight.lora_a", random.standard_normal((2, width)).astype(np.float32))
    writer.add_tensor("blk.0.attn_q.weight.lora_b", random.standard_normal((width, 2)).astype(np.float32))
    return _written(writer, path)


def _written(writer: gguf.GGUFWriter, path: Path) -> Path:
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
