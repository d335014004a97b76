"""The loop: it learns, and a run that was killed ends where it would have ended."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

from agentkit.tuning.curve import draw_losses
from agentkit.tuning.packing import Tree
from agentkit.tuning.train import Recipe, train
from agentkit.tuning.workers import Alone
from tests.tuning.tiny_llama import branch, random_base, random_model, sequence

RECIPE = Recipe(rank=3, alpha=6.0, warm_up=2, epochs=4, batch_tokens=30, learning_rate=0.02)
TREES = [Tree(sequence(4, seed=i), (branch(6, 3, seed=i + 50), branch(5, 2, seed=i + 80))) for i in range(6)]


class Killed(Exception):
    """Stands for a kill."""


class Fragile(Alone):
    """Breaks off at a step."""

    def __init__(self, last: int) -> None:
        super().__init__(random_model(random_base()))
        self.left = last

    def gradient(self, batch: Sequence[Tree]) -> float:
        if not self.left:
            raise Killed
        self.left -= 1
        return super().gradient(batch)


def run(folder: Path, trainer: Alone, *, seconds: float = 0.0) -> torch.Tensor:
    train(
        trainer, trainer.model.factors, TREES, TREES[:1], recipe=RECIPE, folder=folder, checkpoint_seconds=seconds, report=lambda line: None
    )
    return trainer.model.factors.parameters


def losses(folder: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (folder / "losses.jsonl").read_text().splitlines()]


def test_the_loss_falls(tmp_path: Path) -> None:
    run(tmp_path, Alone(random_model(random_base())))
    rows = losses(tmp_path)
    assert rows[-1]["loss"] < 0.8 * rows[0]["loss"]
    assert "validation" in rows[-1]


@pytest.mark.parametrize("seconds", [0.0, 3600.0])
def test_a_killed_run_goes_on_to_the_same_end(tmp_path: Path, seconds: float) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    whole.mkdir()
    broken.mkdir()
    expected = run(whole, Alone(random_model(random_base())))
    with pytest.raises(Killed):
        run(broken, Fragile(5), seconds=seconds)
    assert torch.equal(run(broken, Alone(random_model(random_base()))), expected)
    assert [row["step"] for row in losses(broken)] == [row["step"] for row in losses(whole)]


def test_a_line_that_was_cut_is_dropped_on_resuming(tmp_path: Path) -> None:
    with pytest.raises(Killed):
        run(tmp_path, Fragile(3))
    with (tmp_path / "losses.jsonl").open("a") as file:
        file.write('{"step": 4, "lo')
    run(tmp_path, Alone(random_model(random_base())))
    assert [row["step"] for row in losses(tmp_path)] == list(range(1, len(losses(tmp_path)) + 1))


def test_the_curve_is_drawn(tmp_path: Path) -> None:
    run(tmp_path, Alone(random_model(random_base())))
    draw_losses(tmp_path / "losses.jsonl", tmp_path / "curve.png")
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")
