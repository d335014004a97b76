"""The two files of `agentkit batch`: questions in, answers out, a JSON object a line."""

import json
import os
from collections.abc import Mapping
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from io import BufferedRandom
from pathlib import Path
from typing import Any

from agentkit.disk import disk_full, is_full
from agentkit.errors import DiskFullError, UsageError

__all__ = ["AnswerFile", "Question", "read_questions"]

PROBLEMS_SHOWN = 10
AGAIN = frozenset({"error", "cancelled"})
"""Stop reasons of answers that a second call asks again."""


@dataclass(frozen=True)
class Question:
    """A line of the questions file."""

    id: str | int
    text: str


def read_questions(path: Path) -> list[Question]:
    """The questions in their order.

    Raises:
        UsageError: The file cannot be read, or lines are not `{"id", "question"}` with an id of their own; the first ten are named.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: {error}") from None
    questions: list[Question] = []
    problems: list[str] = []
    first: dict[str | int, int] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            question = _question(line)
        except ValueError as error:
            problems.append(f"line {number}: {error}")
            continue
        if question.id in first:
            problems.append(f"line {number}: the id {question.id!r} is that of line {first[question.id]}; each needs its own")
        first.setdefault(question.id, number)
        questions.append(question)
    if problems:
        more = f"\n  ... and {len(problems) - PROBLEMS_SHOWN} more" if len(problems) > PROBLEMS_SHOWN else ""
        raise UsageError(f"{path} cannot be used; nothing was asked:\n  " + "\n  ".join(problems[:PROBLEMS_SHOWN]) + more)
    if not questions:
        raise UsageError(f'{path} holds no question: write a line {{"id": "1", "question": "..."}} for each')
    return questions


def _question(line: str) -> Question:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise ValueError(f"not JSON ({error}): {line[:60]!r}") from None
    if not isinstance(row, dict):
        raise ValueError(f'{line[:60]!r} is not an object: write {{"id": "1", "question": "..."}}')
    for name, kinds in (("id", (str, int)), ("question", (str,))):
        value = row.get(name)
        if not isinstance(value, kinds) or isinstance(value, bool) or not str(value).strip():
            wanted = "text or a whole number" if name == "id" else "text that is not empty"
            raise ValueError(f"{name!r} is {value!r}: it must be {wanted}")
    return Question(row["id"], row["question"])


class AnswerFile:
    """The answers file: what it holds counts as done, and each answer is on the disk before the next question begins.

    A last line that was cut off and answers that failed are dropped when it is opened, so that they are asked again.

    Raises:
        UsageError: It cannot be written, or a whole line is not an answer.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.done: set[str | int] = set()
        self._broken = False
        try:
            self._keep_finished()
            self._file: BufferedRandom = path.open("a+b")
        except OSError as error:
            if is_full(error):
                raise self._no_room(error) from None
            raise UsageError(f"the answers cannot be written to {path}: {error}") from None

    def _no_room(self, error: OSError) -> DiskFullError:
        return disk_full("the answers in", self.path, error, "copy them to another disk; the same command goes on from there")

    def _keep_finished(self) -> None:
        if not self.path.exists():
            return
        if not self.path.is_file():
            raise UsageError(f"{self.path} is not a file: name one that the answers can be kept in")
        data = self.path.read_bytes()
        kept: list[bytes] = []
        for number, line in enumerate(data.splitlines(keepends=True), 1):
            row = self._row(line, number)
            if row is not None and row.get("stop_reason") not in AGAIN:
                self.done.add(row["id"])
                kept.append(line)
        if b"".join(kept) != data:
            # Beside the file and then over it: a cut at any moment leaves one of the two whole.
            beside = self.path.with_name(f"{self.path.name}.new")
            beside.write_bytes(b"".join(kept))
            os.replace(beside, self.path)

    def _row(self, line: bytes, number: int) -> dict[str, Any] | None:
        if not line.endswith(b"\n") or not line.strip():
            return None
        try:
            row = json.loads(line)
        except ValueError:
            row = None
        if not isinstance(row, dict) or not isinstance(row.get("id"), str | int):
            raise UsageError(f"{self.path}, line {number} is not an answer of agentkit batch: {line[:60]!r}. Name another file with --out")
        return row

    def add(self, question_id: str | int, answer: Mapping[str, Any]) -> None:
        """Write one answer, onto the disk.

        Raises:
            DiskFullError: there is no room for it; what was written before is whole.
        """
        line = json.dumps({"id": question_id, **answer}, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"
        try:
            self._file.write(line)
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            self._broken = True
            raise (self._no_room(error) if is_full(error) else error) from None
        self.done.add(question_id)

    def close(self) -> None:
        """Close the file."""
        with suppress(OSError) if self._broken else nullcontext():  # what it could not write was told
            self._file.close()
