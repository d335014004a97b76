"""The documents that --docs or --name give a command."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from agentkit.cli.exits import report
from agentkit.errors import UsageError

if TYPE_CHECKING:
    from agentkit.retrieval import Knowledge

__all__ = ["open_knowledge", "tell_left_out"]


def open_knowledge(docs: Sequence[Path] | None, name: str | None) -> "Knowledge | None":
    """The documents, indexed, with a word on each that could not be read; None where none are named.

    Raises:
        UsageError: Both are given.
        DocumentError: A path or an index does not exist, or nothing could be read.
    """
    if name and docs:
        raise UsageError("--name and --docs were both given: --name answers from an index that exists, --docs from files. Give one.")
    if not name and not docs:
        return None
    from agentkit.retrieval import Knowledge

    knowledge = Knowledge.open(name) if name else Knowledge(docs or ())
    tell_left_out(knowledge.refresh().warnings)
    return knowledge


def tell_left_out(warnings: Sequence[str]) -> None:
    """One line for each file that could not be read."""
    for warning in warnings:
        report(f"left out: {warning}")
