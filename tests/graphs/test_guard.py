"""What counts as going in circles."""

import pytest

from agentkit.graphs.guard import call_key, digest_of, verdict_on
from agentkit.state import SeenCall


def seen(tool: str, result: str = "x", *, status: str = "success", **args: object) -> SeenCall:
    return SeenCall(key=call_key(tool, args), tool=tool, status=status, digest=digest_of(result), ran=status == "success")


def verdict(before: list[SeenCall], tool: str = "look", effect: str | None = None, withheld: tuple[str, ...] = ()) -> str:
    return verdict_on({"name": tool, "args": {}}, seen=before, withheld=withheld, effects={tool: effect, "put": "writes"})


@pytest.mark.parametrize(
    ("before", "effect", "expected"),
    [
        ([], None, "run"),
        ([seen("look", at=1)], None, "run"),
        ([seen("look")], None, "hint"),
        ([seen("look")], "none", "hint"),
        ([seen("look")], "reads", "run"),
        ([seen("look"), seen("look")], "reads", "hint"),
        ([seen("look", "a"), seen("look", "b")], "reads", "run"),
        ([seen("look", status="error")], None, "run"),
        ([seen("look", status="error")], "none", "hint"),
        ([seen("look", status="error"), seen("look", status="error")], None, "hint"),
        ([seen("look"), seen("put")], None, "run"),
        ([seen("look"), seen("put", status="error")], None, "hint"),
        ([seen("look"), seen("put"), seen("look")], None, "hint"),
        ([seen("look"), seen("look", status="hint")], None, "hint"),
        ([seen("look", status="hint")], None, "run"),
    ],
)
def test_whether_a_call_is_worth_a_run(before: list[SeenCall], effect: str | None, expected: str) -> None:
    assert verdict(before, effect=effect) == expected


def test_a_withheld_tool_is_refused() -> None:
    assert verdict([], withheld=("look",)) == "withheld"


def test_the_order_of_arguments_and_odd_values_make_no_other_call() -> None:
    assert call_key("a", {"x": 1, "y": [2]}) == call_key("a", {"y": [2], "x": 1})
    assert call_key("a", {"x": {1}}) == "a {\"x\": \"{1}\"}"
    assert digest_of("half \ud83d") != digest_of("half")
