"""A llama.cpp context and its queue, shared by all models on the same weights with the same settings."""

import os
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from agentkit.models.context import Context
from agentkit.models.weights import Weights

__all__ = ["Seat", "open_seat"]

_SEATS: weakref.WeakValueDictionary[tuple[Any, ...], "Seat"] = weakref.WeakValueDictionary()
_LOCK = threading.Lock()


class Seat:
    """A context and the one thread that decodes in it: its queue. The context is freed with the last model that holds it."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="decode")
        weakref.finalize(self, _close, context, self.worker)


def _close(context: Context, worker: ThreadPoolExecutor) -> None:
    worker.shutdown(wait=False)  # the last reference may be dropped in the worker itself, which cannot wait for its own end
    context.close()


def open_seat(weights: Weights, *, n_ctx: int, n_threads: int | None = None, type_k: str = "f16", type_v: str = "f16") -> Seat:
    """The seat of these weights and settings, made unless somebody holds it already.

    Raises:
        ModelError: llama.cpp cannot make the context.
        SettingsError: a type of the KV cache is none.
    """
    key = (id(weights), n_ctx, n_threads, type_k, type_v)
    with _LOCK:
        seat = _SEATS.get(key)
        if seat is None:
            context = Context(weights, n_ctx=n_ctx, n_threads=n_threads or os.cpu_count(), type_k=type_k, type_v=type_v)
            seat = _SEATS[key] = Seat(context)
        return seat
