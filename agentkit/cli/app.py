"""The commands of `agentkit`, put together."""

import warnings
from typing import Annotated, TextIO

import typer

from agentkit.cli.ask import ask, show_prompt
from agentkit.cli.batch import batch
from agentkit.cli.chat import chat
from agentkit.cli.exits import CANCELLED, report
from agentkit.cli.index import index, search
from agentkit.cli.replay import replay
from agentkit.cli.terminal import prepare_streams
from agentkit.errors import DocumentWarning

__all__ = ["app", "run"]

app = typer.Typer(
    name="agentkit",
    help="An agent that answers from your documents and acts through tools, on a model that runs here or on an endpoint.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

for command in (ask, batch, chat, index, search, show_prompt, replay):
    app.command(command.__name__.replace("_", "-"))(command)


@app.command()
def version() -> None:
    """Print the version."""
    _print_version(True)


def _print_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version as installed

        print(f"agentkit {installed('agentkit-local')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")] = False,
) -> None:
    """Options before the command."""


def _tell(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, file: TextIO | None = None, line: str | None = None
) -> None:
    """A warning for the user is a message; those for developers stay out of sight."""
    if issubclass(category, UserWarning):
        report(str(message) if issubclass(category, DocumentWarning) else f"note: {message}")


def run() -> int:
    """Run the command line of this process; its exit code."""
    prepare_streams()
    warnings.showwarning = _tell
    try:
        app(prog_name="agentkit")
    except SystemExit as leaving:
        # Typer leaves with 1 for Ctrl-C only, where it came before a command began.
        return CANCELLED if leaving.code == 1 else int(leaving.code or 0)
    return 0
