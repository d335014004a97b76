"""The public names."""

import agentkit


def test_public_names_are_few_sorted_and_there() -> None:
    assert agentkit.__all__ == sorted(agentkit.__all__)
    assert len(agentkit.__all__) <= 20
    assert [name for name in agentkit.__all__ if not hasattr(agentkit, name)] == []
    assert dir(agentkit) == agentkit.__all__


def test_an_unknown_name_is_an_attribute_error() -> None:
    assert not hasattr(agentkit, "no_such_name")
