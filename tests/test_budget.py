"""Budgets."""

import dataclasses

import pytest

from agentkit import Budget


def test_a_budget_is_frozen_and_has_the_promised_defaults() -> None:
    assert Budget() == Budget(steps=8, tokens=4096, seconds=120)
    with pytest.raises(dataclasses.FrozenInstanceError):
        Budget().steps = 1  # type: ignore[misc]


def test_a_part_is_kept_back_for_the_last_answer() -> None:
    assert (Budget().reserved_tokens, Budget(tokens=100).reserved_tokens, Budget(tokens=None).reserved_tokens) == (256, 25, 0)
    assert (Budget().reserved_seconds, Budget(seconds=10).reserved_seconds, Budget(seconds=None).reserved_seconds) == (15.0, 2.0, 0.0)


def test_the_recursion_limit_lies_beyond_the_steps() -> None:
    assert Budget(steps=0).recursion_limit >= 8
    assert Budget(steps=100).recursion_limit > 300
    assert Budget(steps=None).recursion_limit > 3000
