"""The same sum with other numbers: question, expression and answer changed together, the result computed again."""

import random
import re
from collections.abc import Mapping
from typing import Any

from agentkit.errors import ToolError
from agentkit.tools.calculator import calculate

__all__ = ["with_other_numbers"]

_PLAIN = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?")
_NUMBER = re.compile(rf"(?<![\w.:/,-]){_PLAIN.pattern}(?![\w:/]|[.,]\d)|(?<=[€$£]){_PLAIN.pattern}(?![.,]?\d)")
_LITERAL = re.compile(r"\d+(?:\.\d+)?")
_ROUNDED = re.compile(r"(round\()(.*)(, *\d+\))")
_PLACES = re.compile(r"\b\d+(?= ?(?:decimals?|dp|d\.p\.|places|digits)\b)", re.IGNORECASE)
_FIXED = re.compile(
    r":|\b(?:19|20)\d\d\b|\b(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\b|born|leap|\bBC\b|o'clock|[ap]m\b",
    re.IGNORECASE,
)


def with_other_numbers(row: Mapping[str, Any], random: random.Random) -> dict[str, Any] | None:
    """A variant of a written sum, or None where the numbers can't be told apart safely.

    >>> import random
    >>> row = {"question": "give me 36% of 710", "expression": "36% of 710", "answer": "That's 255.6."}
    >>> with_other_numbers(row, random.Random(1))
    {'question': 'give me 19% of 610', 'expression': '19% of 610', 'answer': "That's 115.9."}
    """
    question, expression = str(row["question"]), str(row["expression"])
    places = _PLACES.findall(question)
    found = [match[0] for match in _NUMBER.finditer(question)]
    literals = _literals(expression)
    if _FIXED.search(question) or len(found) != len(set(found)) or len(literals) != len(set(literals)):
        return None
    moved = {
        number: [x for x in literals if _same(number, x)] for number in found if float(number.replace(",", "")) > 1 and number not in places
    }
    moved = {number: found for number, found in moved.items() if len(found) == 1}
    if not moved:
        return None
    shares = set(re.findall(r"([\d.]+) ?(?:%|per ?cent)", question))
    for _ in range(12):
        changed = _changed(row, {number: (found[0], _other(number, random, share=number in shares)) for number, found in moved.items()})
        if changed is not None:
            return changed
    return None


def _inner(expression: str) -> tuple[str, str, str]:
    """What stands before, in and after a rounding of the whole expression."""
    match = _ROUNDED.fullmatch(expression)
    return (match[1], match[2], match[3]) if match else ("", expression, "")


def _pattern(expression: str) -> re.Pattern[str]:
    """How numbers are written: a comma separates thousands unless a function takes several arguments."""
    return _LITERAL if re.search(r"[a-z]\w*\(", expression) else _PLAIN


def _literals(expression: str) -> list[str]:
    inner = _inner(expression)[1]
    return _pattern(inner).findall(inner)


def _same(number: str, literal: str) -> bool:
    value, found = float(number.replace(",", "")), float(literal.replace(",", ""))
    return abs(found - value) < 1e-12 or abs(found - value / 100) < 1e-12


def _other(number: str, random: random.Random, *, share: bool) -> str:
    """A number of the same size and form; a share in percent stays below 100."""
    bare = number.replace(",", "")
    decimals = len(bare.partition(".")[2])
    value = float(bare)
    if share and not decimals and value < 100:
        return str(random.choice((random.randint(2, 98), random.randrange(5, 100, 5))))
    if decimals:
        drawn = round(value * random.uniform(0.4, 2.2), decimals)
        text = f"{drawn:.{decimals}f}"
    else:
        step = 100 if value >= 1000 and value % 100 == 0 else 10 if value >= 50 and value % 10 == 0 else 1
        text = str(max(2, round(value * random.uniform(0.4, 2.2) / step) * step))
    return f"{float(text):,.{decimals}f}" if "," in number and float(text) >= 1000 else text


def _changed(row: Mapping[str, Any], moves: Mapping[str, tuple[str, str]]) -> dict[str, Any] | None:
    expression = str(row["expression"])
    literals = {old: _literal(old, number, new) for number, (old, new) in moves.items()}
    if len(set(literals.values())) != len(literals) or set(literals.values()) & (set(_literals(expression)) - set(literals)):
        return None
    before_it, inner, after_it = _inner(expression)
    expression = before_it + _pattern(inner).sub(lambda match: literals.get(match[0], match[0]), inner) + after_it
    try:
        before, after = calculate(str(row["expression"])), calculate(expression)
    except ToolError:
        return None
    if (
        len(after.partition(".")[2]) > max(2, len(before.partition(".")[2]))
        or after.startswith("-") != before.startswith("-")
        or after == "0"
    ):
        return None
    answer = _answer(str(row["answer"]), before, after, moves)
    question = _NUMBER.sub(lambda match: moves[match[0]][1] if match[0] in moves else match[0], str(row["question"]))
    return None if answer is None else {**row, "question": question, "expression": expression, "answer": answer}


def _literal(old: str, number: str, new: str) -> str:
    """The new number as it stands in the expression: as such, or a hundredth of it."""
    bare = new.replace(",", "")
    if abs(float(old.replace(",", "")) - float(number.replace(",", ""))) < 1e-12:
        return f"{float(bare):,.{len(bare.partition('.')[2])}f}" if "," in old else bare
    return calculate(f"{bare}/100")


def _answer(answer: str, before: str, after: str, moves: Mapping[str, tuple[str, str]]) -> str | None:
    """The answer with the new result and the new numbers of the question; None where the result isn't in it once."""
    hits = 0

    def replace(match: re.Match[str]) -> str:
        nonlocal hits
        bare = match[0].replace(",", "")
        if abs(float(bare) - abs(float(before))) < 1e-9:
            hits += 1
            return _like(match[0], after.lstrip("-"))
        return next((new for number, (_, new) in moves.items() if number.replace(",", "") == bare), match[0])

    changed = _PLAIN.sub(replace, answer)
    left = [x for x in _PLAIN.findall(answer) if abs(float(x.replace(",", "")) - abs(float(before))) >= 1e-9]
    return changed if hits == 1 and all(x in moves for x in left) else None


def _like(old: str, new: str) -> str:
    """A result in the form of the old one: thousands separated, two decimals of a price."""
    decimals = len(new.partition(".")[2])
    if len(old.partition(".")[2]) == 2 and decimals < 2:
        decimals = 2
    if "," in old:
        return f"{float(new):,.{decimals}f}"
    return f"{float(new):.{decimals}f}" if decimals else new
