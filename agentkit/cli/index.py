"""`agentkit index` and `agentkit search`: documents, without asking a question."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from agentkit.cli.documents import open_knowledge, tell_left_out
from agentkit.cli.exits import explained, report
from agentkit.cli.options import Debug, Docs, Json, Name
from agentkit.cli.terminal import escape_json, visible
from agentkit.errors import UsageError

__all__ = ["index", "search"]


def index(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Files and folders.", show_default=False)],
    name: Name = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Read documents into an index; what is unchanged since the last time is not read again.

    \b
    agentkit index handbook/
    agentkit index handbook/ minutes.pdf --name office
    agentkit chat --name office

    Without --name the index belongs to the paths: `--docs` with the same paths finds it.
    """
    with explained(debug):
        from agentkit.retrieval import Knowledge

        read = Knowledge(paths, name=name).refresh()
        tell_left_out(read.warnings)
        if as_json:
            print(escape_json(json.dumps(asdict(read), ensure_ascii=False)))
        else:
            print(f"{read.files} files, {read.chunks} passages ({read.read} files read, {read.removed} removed)")


def search(
    query: Annotated[str, typer.Argument(metavar="QUERY", help="What to look for.", show_default=False)],
    docs: Docs = None,
    name: Name = None,
    k: Annotated[int, typer.Option("--k", metavar="N", min=1, help="How many passages.")] = 5,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Show the passages that fit a query best.

    \b
    agentkit search "opening hours" --docs handbook/
    agentkit search "opening hours" --name office --json
    """
    with explained(debug):
        knowledge = open_knowledge(docs, name)
        if knowledge is None:
            raise UsageError("give either --docs PATH or --name NAME: what is to be searched")
        hits = knowledge.search(query, k=k)
        if as_json:
            print(escape_json(json.dumps([asdict(hit) for hit in hits], ensure_ascii=False)))
            return
        if not hits:
            report("nothing found")
        for hit in hits:
            print(visible(f"{hit.score:.3f}  {hit.source}, {hit.location}\n{hit.text.strip()}\n"))

