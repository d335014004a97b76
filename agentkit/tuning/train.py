"""The training loop: batches by a seed, AdamW on the factors, a checkpoint every two minutes, the curve.

A run is a folder. Killed at any moment and started again on the same folder it goes on from its last checkpoint and
ends where it would have ended: batches and learning rates depend on the step alone.

```
trees.json         the tokens to train on, taken once (`make_adapter` writes them)
checkpoint.pt      factors, optimiser, step
losses.jsonl       a line a step: step, loss, validation loss where it was measured, tokens a second
curve.png          the losses drawn
```
"""

import json
import math
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from agentkit.tuning.factors import FactorSet
from agentkit.tuning.packing import Tree, batches
from agentkit.tuning.workers import Trainer

__all__ = ["Recipe", "learning_rate", "train"]


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What a run is made by.

    >>> Recipe().rank
    16
    """

    rank: int = 16
    alpha: float = 32.0
    learning_rate: float = 2e-3
    """At its height; 2e-3 was better than 1e-3 (validation loss 0.766 against 0.785), higher is untried."""
    warm_up: int = 15
    """Steps on the way up."""
    epochs: int = 1
    batch_tokens: int = 4096
    """Tokens a step: about 30 samples that share their beginnings."""
    tree_tokens: int = 2048
    """Tokens a tree at most: the piece of work that a worker takes."""
    most_tokens: int | None = None
    """The run ends after about so many tokens, drawn by the seed; None: after all of them."""
    clip: float = 1.0
    """Length that the gradient is cut to."""
    seed: int = 0


@dataclass
class _Place:
    """Where a run stands."""

    step: int
    optimizer: torch.optim.AdamW
    factors: FactorSet
    folder: Path

    def save(self) -> None:
        """Write the checkpoint whole or not at all."""
        state = {"step": self.step, "parameters": self.factors.parameters, "optimizer": self.optimizer.state_dict()}
        torch.save(state, self.folder / "checkpoint.new")
        os.replace(self.folder / "checkpoint.new", self.folder / "checkpoint.pt")

    def load(self) -> None:
        """Go to the last checkpoint, if there is one."""
        if not (self.folder / "checkpoint.pt").exists():
            return
        state = torch.load(self.folder / "checkpoint.pt", weights_only=True)
        self.step = state["step"]
        self.factors.parameters.copy_(state["parameters"])
        self.optimizer.load_state_dict(state["optimizer"])


def learning_rate(step: int, steps: int, recipe: Recipe) -> float:
    """Linear up, then half a cosine down to a fiftieth.

    >>> [round(learning_rate(step, 100, Recipe(warm_up=10)) * 1e3, 2) for step in (0, 9, 55, 99)]
    [0.2, 2.0, 1.0, 0.04]
    """
    if step < recipe.warm_up:
        return recipe.learning_rate * (step + 1) / recipe.warm_up
    way = (step - recipe.warm_up) / max(1, steps - 1 - recipe.warm_up)
    return recipe.learning_rate * (0.02 + 0.98 * (1 + math.cos(math.pi * min(1.0, way))) / 2)


def train(
    trainer: Trainer,
    factors: FactorSet,
    data: Sequence[Tree],
    held_back: Sequence[Tree],
    *,
    recipe: Recipe,
    folder: Path,
    checkpoint_seconds: float = 120.0,
    report: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Train the factors, or go on with the run in `folder`.

    Args:
        trainer: computes losses and gradients.
        factors: what is trained; begins from `recipe.seed` or the folder's checkpoint.
        data: trees to train on.
        held_back: trees to validate on, eight times in the run and at its end.
        recipe: how.
        folder: of the run.
        checkpoint_seconds: time between two checkpoints.
        report: takes a line a step.

    Returns:
        The last validation loss, steps, tokens a second, recipe.
    """
    plan = _plan(data, recipe)
    factors.initialise(recipe.seed)
    factors.parameters.grad = factors.gradient
    place = _Place(0, torch.optim.AdamW([factors.parameters], weight_decay=0.0, fused=True), factors, folder)
    place.load()
    _cut_losses(folder, place.step)
    saved = time.monotonic()
    speeds: list[float] = []
    with open(folder / "losses.jsonl", "a", encoding="utf-8") as losses:
        while place.step < len(plan):
            began = time.monotonic()
            row = _step(trainer, place, plan, recipe)
            speeds.append(sum(tree.tokens for tree in plan[place.step]) / (time.monotonic() - began))
            place.step += 1
            if held_back and (place.step % max(1, len(plan) // 8) == 0 or place.step == len(plan)):
                row["validation"] = round(trainer.loss(held_back), 4)
            losses.write(json.dumps({**row, "tokens_per_second": round(speeds[-1], 1)}) + "\n")
            losses.flush()
            report(_line(row, len(plan), speeds))
            if time.monotonic() - saved > checkpoint_seconds or place.step == len(plan):
                place.save()
                saved = time.monotonic()
    rows = [json.loads(line) for line in (folder / "losses.jsonl").read_text(encoding="utf-8").splitlines()]
    validation = [row["validation"] for row in rows if "validation" in row]
    speed = sum(row["tokens_per_second"] for row in rows) / max(1, len(rows))
    return {
        "validation": validation[-1] if validation else None,
        "steps": len(plan),
        "tokens_per_second": round(speed),
        "recipe": asdict(recipe),
    }


def _plan(data: Sequence[Tree], recipe: Recipe) -> list[list[Tree]]:
    """The batches of a run, in order."""
    plan: list[list[Tree]] = []
    left = math.inf if recipe.most_tokens is None else recipe.most_tokens
    for epoch in range(recipe.epochs):
        for batch in batches(data, tokens=recipe.batch_tokens, seed=recipe.seed + epoch):
            if left <= 0:
                return plan
            left -= sum(tree.tokens for tree in batch)
            plan.append(batch)
    return plan


def _step(trainer: Trainer, place: _Place, plan: Sequence[Sequence[Tree]], recipe: Recipe) -> dict[str, Any]:
    """One step of the optimiser."""
    rate = learning_rate(place.step, len(plan), recipe)
    for group in place.optimizer.param_groups:
        group["lr"] = rate
    loss = trainer.gradient(plan[place.step])
    norm = float(place.factors.gradient.norm())
    if norm > recipe.clip:
        place.factors.gradient.mul_(recipe.clip / norm)
    place.optimizer.step()
    return {"step": place.step + 1, "loss": round(loss, 4), "gradient": round(norm, 3), "rate": round(rate, 6)}


def _line(row: dict[str, Any], steps: int, speeds: Sequence[float]) -> str:
    recent = sum(speeds[-10:]) / len(speeds[-10:])
    validation = f", validation {row['validation']:.4f}" if "validation" in row else ""
    return f"step {row['step']}/{steps}: loss {row['loss']:.4f}{validation}, {recent:.0f} tokens/s"


def _cut_losses(folder: Path, step: int) -> None:
    """Drop lines of steps behind the checkpoint that a run goes on from, and a half-written one."""
    path = folder / "losses.jsonl"
    if not path.exists():
        return
    kept = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if row["step"] <= step:
            kept.append(line + "\n")
    path.write_text("".join(kept), encoding="utf-8")
