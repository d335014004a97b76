"""Batches of token trees: conversations that begin alike share their beginning.

Most samples begin with the same system text and tools. A tree holds such a beginning once and lets its branches
attend to it, each branch blind to the others: exactly the samples trained one by one, at a third of the tokens.

```
prefix: system, tools          positions 0 .. P-1
├── branch: question ... answer    positions P ...
├── branch: question ... answer    positions P ...
└── branch: ...
```
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from agentkit.errors import UsageError

__all__ = ["Branch", "Tree", "balanced", "batches", "grow_trees"]


@dataclass(frozen=True)
class Branch:
    """A conversation behind its prefix: token ids, and a weight of the loss for each (0: not the agent's own)."""

    ids: tuple[int, ...]
    weights: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.ids) != len(self.weights) or not self.ids:
            raise UsageError(f"a branch has {len(self.ids)} tokens and {len(self.weights)} weights: both must be the same number above 0")
        if self.weights[0]:
            raise UsageError("a branch begins with a token of the prompt: its first weight must be 0")


@dataclass(frozen=True)
class Tree:
    """A shared beginning (never trained) and the branches that go on from it.

    >>> Tree((1, 2), (Branch((3, 4), (0, 1)), Branch((5,), (0,)))).tokens
    5
    """

    prefix: tuple[int, ...]
    branches: tuple[Branch, ...]

    @property
    def tokens(self) -> int:
        """Tokens that are computed: the prefix once, each branch once."""
        return len(self.prefix) + sum(len(branch.ids) for branch in self.branches)


def grow_trees(samples: Sequence[tuple[tuple[int, ...], Branch]], *, most_tokens: int) -> list[Tree]:
    """Join samples (prefix, branch) of equal prefix into trees of at most `most_tokens` tokens.

    A sample longer than that becomes a tree of its own.

    >>> one = Branch((7, 8), (0.0, 1.0))
    >>> [tree.tokens for tree in grow_trees([((1, 2, 3), one), ((1, 2, 3), one), ((4,), one)], most_tokens=100)]
    [7, 3]
    """
    by_prefix: dict[tuple[int, ...], list[Branch]] = {}
    for prefix, branch in samples:
        by_prefix.setdefault(prefix, []).append(branch)
    trees = []
    for prefix, branches in by_prefix.items():
        taken: list[Branch] = []
        room = most_tokens - len(prefix)
        for branch in branches:
            if taken and len(branch.ids) > room:
                trees.append(Tree(prefix, tuple(taken)))
                taken, room = [], most_tokens - len(prefix)
            taken.append(branch)
            room -= len(branch.ids)
        trees.append(Tree(prefix, tuple(taken)))
    return trees


def batches(trees: Sequence[Tree], *, tokens: int, seed: int) -> Iterator[list[Tree]]:
    """Shuffle trees and join them to batches of about `tokens` tokens; the same seed gives the same batches.

    >>> leaf = Tree((1,), (Branch((2, 3), (0, 1)),))
    >>> [len(batch) for batch in batches([leaf] * 5, tokens=6, seed=0)]
    [2, 2, 1]
    """
    order = list(trees)
    random.Random(seed).shuffle(order)
    batch: list[Tree] = []
    total = 0
    for tree in order:
        if batch and total + tree.tokens > tokens:
            yield batch
            batch, total = [], 0
        batch.append(tree)
        total += tree.tokens
    if batch:
        yield batch


def balanced(batch: Sequence[Tree], workers: int) -> list[Tree]:
    """The trees of a batch, the longest first, some split so that workers who take them in turn finish together.

    A split costs its prefix once more; it is made only where that takes less time than waiting.

    >>> leaf = Branch((2, 3), (0, 1))
    >>> [tree.tokens for tree in balanced([Tree((1,), (leaf,) * 4)], 2)]
    [5, 5]
    """
    best = sorted(batch, key=lambda tree: -tree.tokens)
    for _ in range(workers - 1):
        candidates = [_with_split(best, place, cut) for place, tree in enumerate(best) for cut in range(1, len(tree.branches))]
        better = min(candidates, key=lambda trees: _makespan(trees, workers), default=best)
        if _makespan(better, workers) >= _makespan(best, workers):
            break
        best = better
    return best


def _with_split(trees: Sequence[Tree], place: int, cut: int) -> list[Tree]:
    """The trees with one of them split in front of its branch `cut`."""
    tree = trees[place]
    parts = [Tree(tree.prefix, tree.branches[:cut]), Tree(tree.prefix, tree.branches[cut:])]
    return sorted([*trees[:place], *parts, *trees[place + 1 :]], key=lambda tree: -tree.tokens)


def _makespan(trees: Sequence[Tree], workers: int) -> int:
    """Tokens of the worker who finishes last, each taking the next tree when free."""
    loads = [0] * workers
    for tree in trees:
        loads[loads.index(min(loads))] += tree.tokens
    return max(loads)
