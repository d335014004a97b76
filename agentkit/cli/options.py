"""The options that `ask`, `batch`, `chat` and `show-prompt` share, and the agent they describe."""

import inspect
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from agentkit.cli.documents import open_knowledge
from agentkit.cli.exits import explained
from agentkit.errors import UsageError

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from agentkit.agent import Agent

__all__ = ["Debug", "Docs", "Json", "Name", "RunOptions", "question_text", "shares_options"]

Docs = Annotated[list[Path] | None, typer.Option("--docs", metavar="PATH", help="A file or folder to answer from; may be repeated.")]
Name = Annotated[str | None, typer.Option("--name", metavar="NAME", help="The name of an index that `agentkit index` made.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object, and nothing else, on stdout.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """What was asked for on the command line; each field is an option, `None` means not given."""

    docs: Docs = None
    name: Name = None
    model: Annotated[str | None, typer.Option("--model", metavar="URI", help="embedded, llama-cpp:PATH.gguf or openai:NAME.")] = None
    base_url: Annotated[str | None, typer.Option("--base-url", metavar="URL", help="An OpenAI-compatible endpoint.")] = None
    tool: Annotated[
        list[str] | None,
        typer.Option("--tool", metavar="NAME", help="A tool; may be repeated. Exactly these are offered (else calculator and python)."),
    ] = None
    web: Annotated[bool, typer.Option("--web", help="Offer the web tools as well.")] = False
    as_json: Json = False
    max_steps: Annotated[int | None, typer.Option("--max-steps", metavar="N", min=0, help="Rounds of tool calls (else 8).")] = None
    no_critique: Annotated[bool, typer.Option("--no-critique", help="Don't check the answer against what was read.")] = False
    record: Annotated[Path | None, typer.Option("--record", metavar="FILE", help="Keep the run, for `agentkit replay FILE`.")] = None
    instructions: Annotated[str, typer.Option("--instructions", metavar="TEXT", help="Your own lines for the system prompt.")] = ""
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Any other setting: --set temperature=0.7 --set n_ctx=4096.")
    ] = None
    debug: Debug = False

    def agent(self, wrap: "Callable[[BaseChatModel], BaseChatModel]" = lambda model: model) -> "Agent":
        """The agent of these options, its model wrapped where a command wants to look on.

        Raises:
            UsageError: A setting, tool or path that cannot be used.
            ModelError: The model cannot be loaded.
        """
        from agentkit import models
        from agentkit.agent import Agent
        from agentkit.budget import Budget

        parameters = self._settings()
        documents, tools = open_knowledge(self.docs, self.name) or (), self._tools()
        uri = parameters.pop("model", None)
        return Agent(
            wrap(models.load_model(uri, **parameters)),
            instructions=self.instructions,
            documents=documents,
            tools=tools,
            critique=False if self.no_critique else None,
            budget=Budget() if self.max_steps is None else Budget(steps=self.max_steps),
        )

    def _settings(self) -> dict[str, Any]:
        """What the model is loaded with; settings that others read go into this process's environment, once they are known to be good."""
        from agentkit import settings

        given: dict[str, Any] = dict(_pair(text) for text in self.set_ or ())
        given |= {name: value for name, value in (("model", self.model), ("base_url", self.base_url)) if value is not None}
        settings.load(**given)
        for name in settings.ELSEWHERE & given.keys():
            os.environ[f"{settings.PREFIX}{name.upper()}"] = given.pop(name)
        return given

    def _tools(self) -> list[str] | None:
        """`None` for the usual tools, else exactly these."""
        if not self.web:
            return list(self.tool or ()) or None
        from agentkit.tools import registry

        named = list(self.tool or ()) or ["calculator", "python"]
        return [*named, *(name for name in ("web_search", "web_page") if name in registry and name not in named)]


def shares_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command with a parameter `run` the options of `RunOptions` in its place, and explain its errors."""
    signature = inspect.signature(command)
    hints = get_type_hints(RunOptions, include_extras=True)
    shared = [
        inspect.Parameter(field.name, inspect.Parameter.KEYWORD_ONLY, default=field.default, annotation=hints[field.name])
        for field in fields(RunOptions)
    ]

    @wraps(command)
    def wrapper(**values: Any) -> None:
        run = RunOptions(**{parameter.name: values.pop(parameter.name) for parameter in shared})
        with explained(run.debug):
            command(**values, run=run)

    own = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for name, parameter in signature.parameters.items() if name != "run"]
    wrapper.__signature__ = signature.replace(parameters=[*own, *shared])  # type: ignore[attr-defined]
    wrapper.__annotations__ = {parameter.name: parameter.annotation for parameter in [*own, *shared]}
    return wrapper


def question_text(question: str) -> str:
    """The question as given, or stdin's text for `-`; bytes that are no text are replaced."""
    text = sys.stdin.read() if question == "-" else question
    text = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    if not text.strip():
        raise UsageError(f"the question {question!r} is empty: give some text, or - to read it from stdin")
    return text


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise UsageError(f"--set {text!r}: write NAME=VALUE, for example --set temperature=0.7")
    return name.strip(), value.strip()
