"""The same program with other values: a number or a text of the question and of the code changed together, the result computed again."""

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agentkit.tuning.samples.computed import PYTHON, run_tool

__all__ = ["Texts", "with_other_values"]

_TEXT = re.compile(r'"([^"\\{}]{3,})"')
_INTEGER = re.compile(r"(?<![\w.,:/-])\d{1,7}(?![\w:/]|[.,]\d)")
_DATED = re.compile(r"datetime|calendar|\btime\b")
MOST_PRINTED = 120
"""Characters; a longer result teaches only copying."""


@dataclass(frozen=True)
class Texts:
    """Texts that programs work on, by their shape, to be exchanged for each other."""

    by_shape: Mapping[tuple[Any, ...], Sequence[str]]

    @classmethod
    def of(cls, rows: Sequence[Mapping[str, Any]]) -> "Texts":
        """Collect the texts that stand both in a question and in its code.

        >>> Texts.of([{"question": "reverse garden", "code": 's = "garden"'}]).like("meadow", random.Random(0))
        'garden'
        """
        found: dict[tuple[Any, ...], list[str]] = {}
        for row in rows:
            for text in _shared(str(row["question"]), str(row["code"])):
                found.setdefault(_shape(text), []).append(text)
        return cls(found)

    def like(self, text: str, random: random.Random) -> str | None:
        """Another text of the same shape; None where there is none."""
        others = [other for other in self.by_shape.get(_shape(text), ()) if other != text]
        return random.choice(others) if others else None


def with_other_values(row: Mapping[str, Any], texts: Texts, random: random.Random) -> dict[str, Any] | None:
    """A variant of a written program, or None where question, code and answer can't be changed together safely.

    >>> row = {"question": "sum of 1 to 90", "code": "print(sum(range(1, 91)))", "answer": "The sum is 4095."}
    >>> with_other_values(row, Texts.of([]), random.Random(5))
    {'question': 'sum of 1 to 137', 'code': 'print(sum(range(1, 138)))', 'answer': 'The sum is 9453.'}
    """
    question, code, answer = str(row["question"]), str(row["code"]), str(row["answer"])
    before = _printed(code)
    if before is None or answer.count(before) != 1:
        return None
    for _ in range(4):
        moved = _with_text(question, code, texts, random) or _with_number(question, code, answer.replace(before, ""), random)
        if moved is None:
            return None
        after = _printed(moved[1])
        if after is not None and after != before and len(after) <= MOST_PRINTED and bool(after.strip("0")) == bool(before.strip("0")):
            return {**row, "question": moved[0], "code": moved[1], "answer": answer.replace(before, after)}
    return None


def _shared(question: str, code: str) -> list[str]:
    return [text for text in dict.fromkeys(_TEXT.findall(code)) if question.count(text) == 1 and code.count(text) == 1]


def _shape(text: str) -> tuple[Any, ...]:
    """What must agree for an exchange: number of words (up to four), capitals, digits, separators."""
    marks = "".join(sorted(set(re.sub(r"[\w\s'.!?]", "", text))))
    return min(len(text.split()), 4), text[:1].isupper(), text.isupper(), any(c.isdigit() for c in text), marks


def _with_text(question: str, code: str, texts: Texts, random: random.Random) -> tuple[str, str] | None:
    shared = _shared(question, code)
    if len(shared) != 1:
        return None
    other = texts.like(shared[0], random)
    return None if other is None else (question.replace(shared[0], other), code.replace(shared[0], other))


def _with_number(question: str, code: str, rest_of_answer: str, random: random.Random) -> tuple[str, str] | None:
    """Change one number that stands once in the question and once in the code (or one more of it, where a range ends)."""
    if _DATED.search(code):
        return None
    candidates = []
    for number in _INTEGER.findall(question):
        value = int(number)
        if value < 7 or question.count(number) != 1 or number in rest_of_answer:
            continue
        same, following = (re.findall(rf"(?<![\w.]){n}(?![\w.])", code) for n in (value, value + 1))
        if len(same) + len(following) == 1:
            candidates.append((number, value, 0 if same else 1))
    if not candidates:
        return None
    number, value, more = random.choice(candidates)
    other = max(5, round(value * random.uniform(0.45, 1.9)))
    if value >= 50 and value % 10 == 0 and random.random() < 0.7:
        other = max(20, round(other, -1))
    return question.replace(number, str(other)), re.sub(rf"(?<![\w.]){value + more}(?![\w.])", str(other + more), code)


def _printed(code: str) -> str | None:
    made = run_tool(PYTHON, {"code": code})
    return made.text.strip() or None if made.status != "error" else None
