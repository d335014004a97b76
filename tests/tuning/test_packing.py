"""Trees and batches."""

import pytest

from agentkit.errors import UsageError
from agentkit.tuning.packing import Branch, Tree, balanced, batches, grow_trees


def leaf(size: int) -> Branch:
    return Branch((9,) * size, (0.0,) * (size - 1) + (1.0,))


def test_samples_of_one_prefix_share_it_up_to_the_limit() -> None:
    trees = grow_trees([((1, 2), leaf(4))] * 5, most_tokens=11)
    assert [len(tree.branches) for tree in trees] == [2, 2, 1]
    assert sum(tree.tokens for tree in trees) == 3 * 2 + 5 * 4


def test_a_sample_over_the_limit_stands_alone() -> None:
    assert [tree.tokens for tree in grow_trees([((1,), leaf(50)), ((1,), leaf(3))], most_tokens=10)] == [51, 4]


def test_batches_hold_every_tree_once_and_depend_on_the_seed() -> None:
    trees = [Tree((i,), (leaf(3),)) for i in range(20)]
    first, again, other = (list(batches(trees, tokens=10, seed=seed)) for seed in (1, 1, 2))
    assert first == again != other
    assert sorted(tree.prefix for batch in first for tree in batch) == sorted(tree.prefix for tree in trees)


def test_balancing_splits_where_waiting_would_cost_more() -> None:
    pieces = balanced([Tree((1,), (leaf(10),) * 6), Tree((2,), (leaf(10),) * 3)], 2)
    assert sum(len(tree.branches) for tree in pieces) == 9
    assert max(tree.tokens for tree in pieces) <= 51
    whole = [Tree((1,), (leaf(9),)), Tree((2,), (leaf(8), leaf(2)))]
    assert sorted(tree.tokens for tree in balanced(whole, 2)) == [10, 11]


@pytest.mark.parametrize(("ids", "weights"), [((1, 2), (0.0,)), ((), ()), ((1, 2), (1.0, 0.0))])
def test_a_branch_that_cannot_be_trained_is_refused(ids: tuple[int, ...], weights: tuple[float, ...]) -> None:
    with pytest.raises(UsageError):
        Branch(ids, weights)
