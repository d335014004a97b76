"""What a policy accepts and how a tool carries it."""

import dataclasses
from typing import Any

import pytest

from agentkit.errors import UsageError
from agentkit.tools import Policy, tool
from agentkit.tools.policy import policy_of


def test_defaults_are_unmarked_and_of_a_tools_trust() -> None:
    assert Policy().to_dict() == {"timeout": 30.0, "effect": None, "trust": "tool", "approval": None, "max_result_tokens": 1200}


def test_a_policy_is_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Policy().timeout = 3  # type: ignore[misc]


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"effect": "deletes"}, "effect='deletes'"),
        ({"trust": None}, "trust=None"),
        ({"approval": "maybe"}, "choose one of 'auto', 'ask', 'never', None"),
        ({"timeout": 0}, "timeout=0"),
        ({"timeout": "5"}, "timeout='5'"),
        ({"timeout": float("nan")}, "seconds above 0"),
        ({"max_result_tokens": 0}, "max_result_tokens=0"),
    ],
)
def test_a_value_that_is_not_allowed_is_named(fields: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        Policy(**fields)


def test_a_tool_carries_its_policy_in_the_metadata() -> None:
    @tool(effect="spends", approval="ask", max_result_tokens=50)
    def pay(amount: int) -> str:
        """Pay."""
        return str(amount)

    assert policy_of(pay) == Policy(effect="spends", approval="ask", max_result_tokens=50)


def test_a_tool_without_one_has_the_default() -> None:
    from langchain_core.tools import tool as langchain_tool

    @langchain_tool
    def look(where: str) -> str:
        """Look."""
        return where

    assert policy_of(look) == Policy()
