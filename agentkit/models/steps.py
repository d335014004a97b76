"""Reading what a model writes in the plain dialect, whole or piece by piece."""

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from agentkit.contract import ANSWER, CALL, THOUGHT

__all__ = ["ParsedStep", "StepReader", "WrittenCall", "parse_step", "read_arguments", "write_step"]


@dataclass(frozen=True)
class WrittenCall:
    """A call as it stands in the text; `args` is JSON, possibly not finished yet."""

    name: str
    args: str
    complete: bool = False


@dataclass(frozen=True)
class ParsedStep:
    """A step taken apart."""

    thought: str = ""
    answer: str | None = None
    calls: Sequence[WrittenCall] = field(default_factory=tuple)


def parse_step(text: str) -> ParsedStep:
    """Take a step apart; one that is cut gives what is there.

    >>> parse_step('Thought: a sum\\nCall: calculator {"expression": "1+1"}').calls[0].name
    'calculator'
    >>> parse_step("Answer: 42").answer
    '42'
    """
    thought = ""
    if text.startswith(THOUGHT):
        thought, _, text = text.removeprefix(THOUGHT).partition("\n")
    if text.startswith(ANSWER):
        return ParsedStep(thought=thought, answer=text.removeprefix(ANSWER))
    lines = text.split("\n") if text.startswith(CALL) else []
    return ParsedStep(thought=thought, calls=tuple(_call(line) for line in lines if line.startswith(CALL)))


def _call(line: str) -> WrittenCall:
    name, _, args = line.removeprefix(CALL).partition(" ")
    return WrittenCall(name=name, args=args, complete=read_arguments(args) is not None)


def read_arguments(text: str) -> dict[str, Any] | None:
    """The arguments of a call; None where the text is no whole JSON object.

    A number beyond the range of a float becomes the largest one, since infinity is no JSON.

    >>> read_arguments('{"x": 1e999}'), read_arguments('{"x": ')
    ({'x': 1.7976931348623157e+308}, None)
    """
    try:
        value = json.loads(text, parse_float=_finite)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _finite(text: str) -> float:
    return max(-sys.float_info.max, min(sys.float_info.max, float(text)))


def write_step(thought: str, answer: str | None, calls: Sequence[tuple[str, Any]]) -> str:
    """A step as the model would write it: the inverse of `parse_step`.

    >>> write_step("", None, [("calculator", {"expression": "1+1"})])
    'Call: calculator {"expression": "1+1"}'
    """
    head = f"{THOUGHT}{' '.join(thought.split())}\n" if thought.strip() else ""
    if calls:
        return head + "\n".join(f"{CALL}{name} {json.dumps(args, ensure_ascii=False)}" for name, args in calls)
    return f"{head}{ANSWER}{answer or ''}"


class StepReader:
    """Follows a step while it is written and tells what is new in each part.

    >>> reader = StepReader()
    >>> reader.feed("Answer: fo"), reader.feed("rty")
    ([('answer', 'fo', 0)], [('answer', 'rty', 0)])
    """

    def __init__(self, parse: Callable[[str], ParsedStep] = parse_step) -> None:
        self.text = ""
        self._parse = parse
        self._told: dict[tuple[str, int], int] = {}

    def feed(self, text: str) -> list[tuple[str, str, int]]:
        """Append text; return `(part, new text, call index)` with part `thought`, `answer`, `name` or `args`."""
        self.text += text
        step = self._parse(self.text)
        parts = [("thought", 0, step.thought), ("answer", 0, step.answer or "")]
        for index, call in enumerate(step.calls):
            parts += [("name", index, call.name if call.args else ""), ("args", index, call.args)]
        return [(part, new, index) for part, index, whole in parts if (new := self._news(part, index, whole))]

    def _news(self, part: str, index: int, whole: str) -> str:
        told = self._told.get((part, index), 0)
        self._told[part, index] = max(told, len(whole))
        return whole[told:]
