"""`agentkit ask` and `agentkit show-prompt`: one question."""

import json
import sys
from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING, Annotated

import typer

from agentkit.cli.exits import CANCELLED, FAILED, exit_code, report
from agentkit.cli.options import RunOptions, question_text, shares_options
from agentkit.cli.terminal import escape_json, visible

if TYPE_CHECKING:
    from agentkit.answer import Answer, Event

__all__ = ["ask", "show_answer", "show_prompt"]

Question = Annotated[str, typer.Argument(metavar="QUESTION", help="What you want to know; - reads it from stdin.", show_default=False)]


@shares_options
def ask(question: Question, run: RunOptions) -> None:
    """Answer one question. Steps go to stderr, the answer to stdout.

    \b
    agentkit ask "Who maintains the pump station?" --docs handbook/
    agentkit ask "What is 15% of 1,240?" --json
    agentkit ask "..." --model openai:qwen3 --base-url http://localhost:8080/v1
    cat question.txt | agentkit ask - --record run.jsonl

    Exit codes: 0 answered, 2 wrong use, 3 stopped before an answer, 4 the model failed, 5 waits for approval, 130 cancelled.
    """
    text = question_text(question)
    show_answer(run.agent().stream(text, record=run.record), as_json=run.as_json)


def show_answer(events: "Iterator[Event]", *, as_json: bool) -> None:
    """Show a run and leave with its exit code; closing the stream cancels what still runs."""
    from agentkit.cli.render import Renderer, console

    watched = not as_json or sys.stderr.isatty()
    renderer = Renderer(console(stderr=True) if watched else None, None if as_json else console(), live=sys.stdout.isatty())
    try:
        with closing(events) as stream:  # type: ignore[type-var]
            renderer.run(stream)
    finally:
        # A cancelled run has an answer too: as far as it came.
        answer: Answer | None = renderer.answer
        if answer is not None and as_json:
            print(escape_json(json.dumps(answer.to_dict(), ensure_ascii=False)))
    if answer is None:
        report("the run ended without an answer")
        raise typer.Exit(FAILED)
    if answer.stop_reason == "cancelled":
        report("cancelled")
        raise typer.Exit(CANCELLED)
    raise typer.Exit(exit_code(answer.stop_reason))


@shares_options
def show_prompt(question: Question, run: RunOptions) -> None:
    """Print exactly what is sent to the model for a question, before its first step.

    \b
    agentkit show-prompt "What does a bed cost?" --docs handbook/
    """
    text = question_text(question)
    from agentkit.cli.prompt import PromptReader, prompt_of

    prompt = prompt_of(run.agent(PromptReader), text)
    print(escape_json(json.dumps({"prompt": prompt}, ensure_ascii=False)) if run.as_json else visible(prompt))
