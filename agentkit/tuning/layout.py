"""Where the tokens of a batch of trees lie, what each may look at, and which of them are trained."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from agentkit.tuning.packing import Tree

__all__ = ["Layout", "Span", "lay_out"]


@dataclass(frozen=True)
class Span:
    """Rows that are computed together: a prefix, or a branch that also sees its prefix."""

    start: int
    stop: int
    prefix: tuple[int, int]
    """Rows of the prefix; empty for a prefix itself."""


@dataclass(frozen=True)
class Layout:
    """A batch as tensors: T tokens one after the other, no padding."""

    ids: Tensor
    """[T]"""
    cos: Tensor
    """[T, 1, D/2], as `sin`: of the rotary angle at each token's position."""
    sin: Tensor
    spans: tuple[Span, ...]
    rows: Tensor
    """[N]: where a trained token is predicted, that is one before it."""
    targets: Tensor
    """[N]: the trained tokens."""
    weights: Tensor
    """[N]: their weights in the loss."""


def lay_out(trees: Sequence[Tree], *, head_width: int, rope_base: float) -> Layout:
    """Lay trees one behind the other.

    >>> from agentkit.tuning.packing import Branch
    >>> layout = lay_out([Tree((5, 6), (Branch((7, 8), (0.0, 1.0)),))], head_width=4, rope_base=100.0)
    >>> layout.rows.tolist(), layout.targets.tolist(), layout.spans[1]
    ([2], [8], Span(start=2, stop=4, prefix=(0, 2)))
    """
    ids: list[int] = []
    positions: list[int] = []
    weights: list[float] = []
    spans: list[Span] = []
    for tree in trees:
        start = len(ids)
        ids += tree.prefix
        positions += range(len(tree.prefix))
        weights += [0.0] * len(tree.prefix)
        prefix = (start, len(ids))
        if tree.prefix:
            spans.append(Span(start, len(ids), (start, start)))
        for branch in tree.branches:
            spans.append(Span(len(ids), len(ids) + len(branch.ids), prefix))
            positions += range(len(tree.prefix), len(tree.prefix) + len(branch.ids))
            ids += branch.ids
            weights += branch.weights
    trained = [i for i, weight in enumerate(weights) if weight]
    angles = torch.tensor(positions, dtype=torch.float64)[:, None] * rope_base ** -(
        torch.arange(0, head_width, 2, dtype=torch.float64) / head_width
    )
    return Layout(
        ids=torch.tensor(ids),
        cos=angles.cos().float()[:, None],
        sin=angles.sin().float()[:, None],
        spans=tuple(spans),
        rows=torch.tensor(trained, dtype=torch.long) - 1,
        targets=torch.tensor([ids[i] for i in trained], dtype=torch.long),
        weights=torch.tensor([weights[i] for i in trained]),
    )
