"""Gradients from several processes of one thread each, which take pieces of a batch as they become free.

On the cores of one machine this is faster than threads inside every product: no core waits for another within a layer,
and where another program takes a core for a while, the other worker takes over the rest of the batch.
"""

import queue
import signal
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any, Protocol, Self

import torch
from torch import Tensor

from agentkit.errors import ModelError
from agentkit.tuning.base_weights import read_base
from agentkit.tuning.factors import FactorSet
from agentkit.tuning.lora_model import LoraModel
from agentkit.tuning.packing import Tree, balanced

__all__ = ["Alone", "Team", "Trainer"]


class Trainer(Protocol):
    """Whoever computes losses and gradients of a batch with the present factors."""

    def gradient(self, batch: Sequence[Tree]) -> float:
        """Mean loss of the trained tokens; their gradient goes to `factors.gradient`."""
        ...

    def loss(self, batch: Sequence[Tree]) -> float:
        """Mean loss of the trained tokens."""
        ...


class Alone:
    """All in this process."""

    def __init__(self, model: LoraModel) -> None:
        self.model = model

    def gradient(self, batch: Sequence[Tree]) -> float:
        """See `Trainer`."""
        self.model.refresh()
        self.model.factors.gradient.zero_()
        norm = _weight(batch)
        return sum(self.model.step([tree], norm=norm)[0] for tree in batch) / norm

    def loss(self, batch: Sequence[Tree]) -> float:
        """See `Trainer`."""
        self.model.refresh()
        return sum(self.model.loss([tree])[0] for tree in batch) / _weight(batch)


@dataclass(frozen=True)
class _Task:
    """A tree, and the round it belongs to: in a new round the factors have changed."""

    round: int
    tree: Tree
    norm: float | None
    """Of the loss whose gradient is wanted; None: only the loss is."""


class Team:
    """`workers` processes, each with the base model and a gradient of its own.

    Args:
        base: path of the base model's GGUF.
        factors: whose values are trained; they are moved to shared memory.
        workers: number of processes.

    Raises:
        ModelError: by `gradient` and `loss`, when a worker failed.
    """

    def __init__(self, base: str | Path, factors: FactorSet, *, workers: int) -> None:
        context = torch.multiprocessing.get_context("spawn")
        self.factors, self.round = factors, 0
        factors.parameters.share_memory_()  # type: ignore[no-untyped-call]
        self.gradients = [torch.zeros_like(factors.parameters) for _ in range(workers)]
        for gradient in self.gradients:
            gradient.share_memory_()  # type: ignore[no-untyped-call]
        self.tasks: Any = context.Queue()
        self.results: Any = context.Queue()
        plan = (str(base), factors.dimensions, factors.rank, factors.alpha, factors.parameters)
        self.processes: list[SpawnProcess] = [
            context.Process(target=_work, args=(*plan, gradient, self.tasks, self.results), daemon=True) for gradient in self.gradients
        ]
        for process in self.processes:
            process.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.processes:
            process.kill()  # nothing of theirs has to be kept
        for process in self.processes:
            process.join()

    def gradient(self, batch: Sequence[Tree]) -> float:
        """See `Trainer`."""
        norm = _weight(batch)
        for gradient in self.gradients:  # between rounds no worker writes
            gradient.zero_()
        loss = self._run(batch, norm) / norm
        torch.sum(torch.stack(self.gradients), 0, out=self.factors.gradient)
        return loss

    def loss(self, batch: Sequence[Tree]) -> float:
        """See `Trainer`."""
        return self._run(batch, None) / _weight(batch)

    def _run(self, batch: Sequence[Tree], norm: float | None) -> float:
        self.round += 1
        pieces = balanced(batch, len(self.processes))
        for tree in pieces:
            self.tasks.put(_Task(self.round, tree, norm))
        return sum(self._result() for _ in pieces)

    def _result(self) -> float:
        while True:
            try:
                result = self.results.get(timeout=5)
            except queue.Empty:
                dead = [process.exitcode for process in self.processes if not process.is_alive()]
                if dead:
                    raise ModelError(
                        f"a training process ended with exit code {dead[0]}; run again to go on from the last checkpoint"
                    ) from None
                continue
            if isinstance(result, str):
                raise ModelError(f"a training process failed:\n{result}")
            return float(result)


def _work(
    base: str,
    dimensions: dict[str, tuple[int, int]],
    rank: int,
    alpha: float,
    parameters: Tensor,
    gradient: Tensor,
    tasks: Any,
    results: Any,
) -> None:
    """A worker: tasks in, losses out, gradients into shared memory."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's affair
    torch.set_num_threads(1)
    try:
        factors = FactorSet(dimensions, rank=rank, alpha=alpha, parameters=parameters, gradient=gradient)
        model = LoraModel(read_base(base), factors)
        last = 0
        while True:
            task = _next(tasks)
            if task.round != last:
                model.refresh()
                last = task.round
            results.put(model.loss([task.tree])[0] if task.norm is None else model.step([task.tree], norm=task.norm)[0])
    except Exception:
        results.put(traceback.format_exc())


def _next(tasks: Any) -> _Task:
    """The next task; ends the process where the parent is gone (killed, it could not tell)."""
    parent = torch.multiprocessing.parent_process()
    while True:
        try:
            task: _Task = tasks.get(timeout=5)
            return task
        except queue.Empty:
            if parent is None or not parent.is_alive():
                raise SystemExit(0) from None


def _weight(batch: Sequence[Tree]) -> float:
    """Sum of the loss weights of a batch."""
    return sum(sum(branch.weights) for tree in batch for branch in tree.branches)
