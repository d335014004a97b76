"""`agentkit batch`: many questions, resumable."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agentkit.cli.exits import CANCELLED, FAILED, report
from agentkit.cli.options import RunOptions, shares_options
from agentkit.errors import AgentkitError, DiskFullError, UsageError

if TYPE_CHECKING:
    from agentkit.agent import Agent
    from agentkit.cli.lines import AnswerFile, Question

__all__ = ["batch"]

FAILURES_IN_A_ROW = 3
"""Then the model or endpoint is taken to be down, and the rest is left for another call."""


@shares_options
def batch(
    questions: Annotated[Path, typer.Argument(metavar="QUESTIONS.jsonl", help='Lines of {"id", "question"}.', show_default=False)],
    out: Annotated[Path, typer.Option("--out", metavar="ANSWERS.jsonl", help="Where the answers go, a line each as they finish.")],
    run: RunOptions,
) -> None:
    """Answer a file of questions. A second call goes on where the first was cut off; answers that failed are asked again.

    With --record run.jsonl each question has a record of its own, run.ID.jsonl.

    \b
    agentkit batch questions.jsonl --out answers.jsonl --docs handbook/

    Exit codes: 0 all were asked, 2 wrong use, 4 some failed, 130 cancelled.
    """
    from agentkit.cli.lines import AnswerFile, read_questions

    asked = read_questions(questions)
    if out.exists() and out.samefile(questions):
        raise UsageError(f"--out {str(out)!r} is the file of the questions: name another one")
    answers = AnswerFile(out)
    left = [question for question in asked if question.id not in answers.done]
    if len(left) < len(asked):
        report(f"{len(asked) - len(left)} of {len(asked)} are answered already")
    if left:
        _ask_all(run.agent(), left, answers, run.record)
    answers.close()


def _ask_all(agent: "Agent", questions: "list[Question]", answers: "AnswerFile", record: Path | None) -> None:
    """Ask one after the other; leaves with the exit code where not all went well."""
    failed, in_a_row, begun = 0, 0, len(answers.done)
    try:
        with _progress(len(questions)) as advance:
            for question in questions:
                error = _ask_one(agent, question, answers, record)
                failed, in_a_row = failed + bool(error), in_a_row + 1 if error else 0
                advance(f"{question.id}: {error}" if error else "")
                _give_up(in_a_row, len(questions), error)
    except KeyboardInterrupt:
        done = len(answers.done) - begun
        report(f"cancelled; {done} of {len(questions)} were answered and are kept. The same command goes on from here.")
        raise typer.Exit(CANCELLED) from None
    finally:
        answers.close()
    if failed:
        report(f"{failed} of {len(questions)} questions failed; the same command asks them again.")
        raise typer.Exit(FAILED)


def _give_up(in_a_row: int, questions: int, error: str) -> None:
    """Leave where so many questions in a row failed that the model or endpoint is taken to be down."""
    if in_a_row == FAILURES_IN_A_ROW < questions:
        report(f"{in_a_row} questions in a row failed, the last with: {error}\nThe same command goes on from here.")
        raise typer.Exit(FAILED)


def _ask_one(agent: "Agent", question: "Question", answers: "AnswerFile", record: Path | None) -> str:
    """Ask and write the answer; what went wrong, or nothing. A failure is an answer with `stop_reason` "error"."""
    from agentkit.answer import Answer

    try:
        answer = agent.ask(question.text, record=_record_of(record, question.id))
    except DiskFullError as error:
        if error.answer is not None:
            answers.add(question.id, error.answer.to_dict())
        raise
    except AgentkitError as error:
        answers.add(question.id, {**Answer(text="", stop_reason="error").to_dict(), "error": str(error)})
        return str(error)
    if answer.stop_reason == "cancelled":
        raise KeyboardInterrupt
    answers.add(question.id, answer.to_dict())
    return answer.text or "the model failed" if answer.stop_reason == "error" else ""


def _record_of(record: Path | None, question_id: str | int) -> Path | None:
    """A record a question, since a record is one run: `run.jsonl` becomes `run.ID.jsonl`."""
    if record is None:
        return None
    safe = "".join(char if char.isalnum() or char in "-_" else "_" for char in str(question_id))
    return record.with_name(f"{record.stem}.{safe}{record.suffix}")


@contextmanager
def _progress(total: int) -> Iterator[Any]:
    """A progress bar on a terminal, a line now and then elsewhere."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    from agentkit.cli.render import console

    shown = console(stderr=True)
    if not sys.stderr.isatty():
        done = 0

        def count(problem: str) -> None:
            nonlocal done
            done += 1
            if problem:
                report(problem)
            if done == total or done % 10 == 0:
                report(f"{done} of {total}")

        yield count
        return
    columns = (TextColumn("answering"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=shown) as bar:
        task = bar.add_task("answering", total=total)

        def advance(problem: str) -> None:
            if problem:
                report(problem)
            bar.advance(task)

        yield advance
