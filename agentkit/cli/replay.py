"""`agentkit replay`: a recorded run, repeated without a model."""

from pathlib import Path
from typing import Annotated

import typer

from agentkit.cli.ask import show_answer
from agentkit.cli.exits import explained
from agentkit.cli.options import Debug, Json

__all__ = ["replay"]


def replay(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What --record wrote.", show_default=False)],
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Repeat a recorded run without a model, and say where it differs from its record.

    \b
    agentkit ask "What is 15% of 1,240?" --record run.jsonl
    agentkit replay run.jsonl

    Exit codes: those of the recorded answer; 2 the file is no record, 3 the replay differs from it.
    """
    with explained(debug):
        from agentkit.replaying import replay_events

        show_answer(replay_events(file), as_json=as_json)
