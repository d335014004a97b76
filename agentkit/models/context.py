"""A llama.cpp context whose KV cache is kept and reused: several conversations side by side in slots.

Every prompt is an extension of the last one of its conversation, so a slot that holds the prompt's beginning is continued
and only what is new is decoded. A new conversation copies the beginning that it shares with another one (the system text)
without reading it again (`llama_memory_seq_cp`). KV made with one adapter is never read with another: a slot carries its key.
"""

import ctypes
import itertools
import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import llama_cpp
import numpy as np

from agentkit.errors import ContextOverflowError, ModelError, ModelFileError, SettingsError
from agentkit.models.adapter import check_adapter
from agentkit.models.weights import Weights, clear_log, file_fingerprint, last_error

__all__ = ["Context", "Slot"]

SLOTS = 8
"""Conversations whose KV is kept at the same time."""

_BATCH = 512
_KV_TYPES = {"f32": 0, "f16": 1, "q4_0": 2, "q4_1": 3, "q5_0": 6, "q5_1": 7, "q8_0": 8, "iq4_nl": 20, "bf16": 30}


@dataclass
class Slot:
    """One sequence of the KV cache and the tokens that it holds."""

    sequence: int
    tokens: list[int] = field(default_factory=list)
    key: str = ""
    used: int = 0


class Context:
    """One llama.cpp context with its slots; hold `lock` while using it.

    Raises:
        ModelError: llama.cpp cannot make the context (usually memory).
    """

    def __init__(self, weights: Weights, *, n_ctx: int, n_threads: int | None = None, type_k: str = "f16", type_v: str = "f16") -> None:
        self.weights = weights
        self.n_ctx = n_ctx
        self.lock = threading.Lock()
        self.decoded = 0
        """Tokens submitted to `llama_decode` so far."""
        for kind in (type_k, type_v):
            if kind not in _KV_TYPES:
                raise SettingsError(f"the KV cache is to have the type {kind!r}: allowed are {', '.join(_KV_TYPES)}")
        threads = n_threads or os.cpu_count() or 1
        params = llama_cpp.llama_context_default_params()
        params.n_ctx, params.n_batch, params.n_ubatch = n_ctx, _BATCH, _BATCH
        params.n_seq_max, params.kv_unified, params.swa_full = SLOTS, True, True
        params.n_threads = params.n_threads_batch = threads
        params.type_k, params.type_v = _KV_TYPES[type_k], _KV_TYPES[type_v]
        params.no_perf = True
        clear_log()
        self._ctx = llama_cpp.llama_init_from_model(weights.model, params)
        if not self._ctx:
            raise ModelError(
                f"llama.cpp cannot make a context of {n_ctx} tokens ({type_k} keys, {type_v} values) for {weights.path.name}: "
                f"{last_error()}. Set a smaller n_ctx or other cache types."
            )
        self._memory = llama_cpp.llama_get_memory(self._ctx)
        self._batch = llama_cpp.llama_batch_init(_BATCH, 0, 1)
        self._slots = [Slot(sequence) for sequence in range(SLOTS)]
        self._clock = itertools.count(1)
        self._adapters: dict[tuple[str, str], Any] = {}
        self._key = ""

    def close(self) -> None:
        """Free the context; it cannot be used afterwards."""
        with self.lock:
            if self._ctx:
                llama_cpp.llama_batch_free(self._batch)
                llama_cpp.llama_free(self._ctx)
                self._ctx = None

    def begin(self, prompt: Sequence[int], *, adapter: str | None = None, scale: float = 1.0) -> tuple[Slot, int]:
        """Choose a slot for a prompt; return it with the number of the prompt's tokens that it already holds.

        At least the last token of the prompt is left to be decoded, since its logits are wanted.
        """
        if len(prompt) >= self.n_ctx:
            raise ContextOverflowError(
                f"the prompt has {len(prompt)} tokens and the context window {self.n_ctx}: set a larger n_ctx or ask for less at once"
            )
        key = self._switch(adapter, scale)
        best = max(self._slots, key=lambda slot: (_common(slot, prompt, key), slot.used))
        shared = min(_common(best, prompt, key), len(prompt) - 1)
        if shared == len(best.tokens) or not self._worth_keeping(best, shared):
            slot = best
        else:
            slot = self._evict(keep=best)
            if shared and self.weights.forgets_parts:
                llama_cpp.llama_memory_seq_cp(self._memory, best.sequence, slot.sequence, 0, shared)
                slot.tokens = best.tokens[:shared]
        slot.key, slot.used = key, next(self._clock)
        return slot, self.truncate(slot, shared)

    def truncate(self, slot: Slot, length: int) -> int:
        """Forget what a slot holds from `length` on; return how much is left (0 where a model cannot forget a part)."""
        length = min(length, len(slot.tokens))
        # Also where nothing seems to be left over: an interrupt may have come between decoding and noting it down.
        forgotten = slot.tokens[length:]
        del slot.tokens[length:]
        if not llama_cpp.llama_memory_seq_rm(self._memory, slot.sequence, length, -1) and forgotten:
            slot.tokens.clear()
            llama_cpp.llama_memory_seq_rm(self._memory, slot.sequence, -1, -1)
        return len(slot.tokens)

    def decode(self, slot: Slot, tokens: Sequence[int]) -> "np.ndarray[Any, np.dtype[np.float32]]":
        """Append tokens to a slot; return the logits behind the last one, float32 [n_vocab] (a view, valid until the next call)."""
        for start in range(0, len(tokens), _BATCH):
            self._submit(slot, tokens[start : start + _BATCH])
        pointer = llama_cpp.llama_get_logits_ith(self._ctx, -1)
        return np.ctypeslib.as_array(pointer, shape=(self.weights.n_vocab,))

    def _submit(self, slot: Slot, tokens: Sequence[int]) -> None:
        batch, position = self._batch, len(slot.tokens)
        batch.n_tokens = len(tokens)
        for index, token in enumerate(tokens):
            batch.token[index] = token
            batch.pos[index] = position + index
            batch.seq_id[index][0] = slot.sequence
            batch.n_seq_id[index] = 1
            batch.logits[index] = index == len(tokens) - 1
        status = llama_cpp.llama_decode(self._ctx, batch)
        while status == 1 and self._evict(keep=slot, only_used=True) is not None:  # the cache is full: drop the oldest conversation
            status = llama_cpp.llama_decode(self._ctx, batch)
        if status != 0:
            llama_cpp.llama_memory_seq_rm(self._memory, slot.sequence, position, -1)
            raise (
                ContextOverflowError(f"the conversation outgrew the context window of {self.n_ctx} tokens")
                if status == 1
                else ModelError(f"llama_decode failed with {status}")
            )
        slot.tokens.extend(tokens)
        self.decoded += len(tokens)

    def _evict(self, *, keep: Slot, only_used: bool = False) -> Any:
        """Empty the slot that was used longest ago, `keep` excepted; None where there is none."""
        candidates = [slot for slot in self._slots if slot is not keep and (slot.tokens or not only_used)]
        if not candidates:
            return None
        slot = min(candidates, key=lambda candidate: candidate.used)
        slot.tokens.clear()
        llama_cpp.llama_memory_seq_rm(self._memory, slot.sequence, -1, -1)
        return slot

    @staticmethod
    def _worth_keeping(slot: Slot, shared: int) -> bool:
        """Whether what a slot holds beyond the shared beginning is a conversation that may go on (not a rewritten tail)."""
        return len(slot.tokens) - shared > 8

    def _switch(self, adapter: str | None, scale: float) -> str:
        """Put an adapter in force; return the key of KV that is made with it."""
        if adapter is None:
            key = ""
            if self._key:
                llama_cpp.llama_set_adapters_lora(self._ctx, None, 0, None)
        else:
            if not Path(adapter).is_file():
                raise ModelFileError(f"there is no adapter file {adapter!r}: give the path of a GGUF LoRA")
            version = (adapter, file_fingerprint(Path(adapter)))
            key = f"{version}@{scale}"
            if key != self._key:
                self._set_adapter(version, scale)
        self._key = key
        return key

    def _set_adapter(self, version: tuple[str, str], scale: float) -> None:
        if version not in self._adapters:
            self._adapters[version] = self._load_adapter(version[0])
        pointers = (llama_cpp.llama_adapter_lora_p_ctypes * 1)(self._adapters[version])
        llama_cpp.llama_set_adapters_lora(self._ctx, pointers, 1, (ctypes.c_float * 1)(scale))

    def _load_adapter(self, adapter: str) -> Any:
        check_adapter(Path(adapter))
        clear_log()
        pointer = llama_cpp.llama_adapter_lora_init(self.weights.model, adapter.encode())
        if not pointer:
            raise ModelFileError(f"{adapter!r} is not an adapter for {self.weights.path.name}: {last_error()}")
        return pointer


def _common(slot: Slot, prompt: Sequence[int], key: str) -> int:
    """How many tokens a slot shares with the beginning of a prompt."""
    if slot.key != key or not slot.tokens:
        return 0
    limit = min(len(slot.tokens), len(prompt))
    if slot.tokens[:limit] == list(prompt[:limit]):
        return limit
    return next(index for index in range(limit) if slot.tokens[index] != prompt[index])
