"""A pytest fixture: a run is recorded the first time and replayed ever after, without its model.

```python
def test_the_sum_is_right(cassette):
    agent = Agent("embedded", tools=["calculator"])
    assert "42" in cassette(agent, "What is 6 times 7?").text
```

The records lie in `cassettes/` beside the test file, one a call of the fixture. `pytest --agentkit-record=all` records
anew, `none` fails where a record is missing; with `once`, the default, what is missing is recorded.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from agentkit.agent import Agent
    from agentkit.answer import Answer

__all__ = ["Cassette", "cassette", "pytest_addoption"]

Cassette = Callable[..., "Answer"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--agentkit-record`."""
    parser.addoption("--agentkit-record", choices=("once", "all", "none"), default="once", help="when agentkit's cassettes are recorded")


@pytest.fixture
def cassette(request: pytest.FixtureRequest) -> Cassette:
    """Ask an agent through a record: `cassette(agent, question, schema=None)`."""
    mode = request.config.getoption("--agentkit-record")
    folder = Path(str(request.path)).parent / "cassettes"
    name = re.sub(r"[^\w.-]+", "_", f"{Path(str(request.path)).stem}.{request.node.name}")
    played = 0

    def ask(agent: "Agent", question: str, *, schema: Any = None) -> "Answer":
        nonlocal played
        played += 1
        path = folder / (f"{name}.jsonl" if played == 1 else f"{name}.{played}.jsonl")
        return ask_through(agent, question, path, mode=mode, schema=schema)

    return ask


def ask_through(agent: "Agent", question: str, path: Path, *, mode: str = "once", schema: Any = None) -> "Answer":
    """Replay the record at `path` with `agent`, or make it.

    Raises:
        ReplayError: the agent would do something else now than what was recorded.
        RecordError: there is no record, and none may be made.
    """
    from agentkit.errors import RecordError, ReplayError
    from agentkit.record import load_record
    from agentkit.replaying import replay

    if mode == "all" or (mode == "once" and not path.exists()):
        return agent.ask(question, schema=schema, record=path)
    if not path.exists():
        raise RecordError(f"there is no record {str(path)!r}: run pytest with --agentkit-record=once to make it")
    recorded = load_record(path).events[0]["question"]
    if recorded != question:
        raise ReplayError(f"{str(path)!r} was recorded for {recorded!r}, asked was {question!r}: record it anew with --agentkit-record=all")
    return replay(path, agent=agent, schema=schema)
