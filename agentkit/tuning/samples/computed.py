"""Sums and programs: the written call is run by the real tool, and the answer must say what came out."""

import re
from collections.abc import Mapping
from typing import Any

from agentkit.errors import ToolError
from agentkit.tuning.trajectory import Exchange, Made, Turn

__all__ = ["CALCULATOR", "PYTHON", "exchange_of_turn", "numbers_of", "run_tool"]

CALCULATOR, PYTHON = "calculator", "python"
_NUMBER = re.compile(r"(?<![\w.])-?\d+(?:,\d{3})*(?:\.\d+)?|(?<=[€$£])\d+(?:,\d{3})*(?:\.\d+)?")
_WORDS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]


def run_tool(tool: str, args: Mapping[str, Any]) -> Made:
    """Call a built-in tool as the agent does."""
    from agentkit.tools import registry

    try:
        return Made(tool=tool, args=args, text=str(registry.get(tool).invoke(dict(args))))
    except ToolError as error:
        return Made(tool=tool, args=args, text=str(error), status="error")


def exchange_of_turn(row: Mapping[str, Any]) -> Exchange | None:
    """The exchange of a row with an `expression`, with `code`, or with neither (small talk).

    Returns:
        None where the call fails or the answer does not say its result.

    >>> exchange_of_turn({"question": "6 times 7", "expression": "6*7", "answer": "42"}).turns[0].calls[0].text
    '42'
    """
    question, answer = str(row["question"]), str(row["answer"])
    if "expression" not in row and "code" not in row:
        return Exchange(question=question, answer=answer)
    made = run_tool(CALCULATOR, {"expression": row["expression"]}) if "expression" in row else run_tool(PYTHON, {"code": row["code"]})
    if made.status == "error" or not says(answer, made.text):
        return None
    return Exchange(question=question, answer=answer, turns=[Turn(calls=[made])])


def says(answer: str, result: str) -> bool:
    """Whether an answer holds what a tool returned: its numbers, or one of its words.

    >>> says("That makes 102.80.", "102.8"), says("About 35.", "34.7"), says("Yes, it is.", "True")
    (True, False, True)
    """
    wanted = numbers_of(result)
    if wanted:
        said = [*numbers_of(answer), *(float(i) for i, word in enumerate(_WORDS) if re.search(rf"\b{word}\b", answer, re.IGNORECASE))]
        return any(abs(abs(number) - abs(other)) < 1e-9 * max(1, abs(number)) for number in wanted for other in said)
    if result.strip() in ("True", "False"):
        return True
    return any(word in answer.casefold() for word in re.findall(r"\w+", result.casefold())) or result.strip() in answer


def numbers_of(text: str) -> list[float]:
    """The numbers of a text, thousands separators read.

    >>> numbers_of("1,250 of 3.5")
    [1250.0, 3.5]
    """
    return [float(match.replace(",", "")) for match in _NUMBER.findall(text)]
