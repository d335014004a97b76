"""Families of tools that nobody has seen: which of them are offered, and the written rows that fit an offer."""

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agentkit.contract import ToolSpec
from agentkit.tuning.trajectory import Exchange, Made, Turn

__all__ = ["Family", "read_family"]

_DECLINED = (
    "Sorry, none of my tools can do that.",
    "I can't do that with the tools I have.",
    "Sorry, I have no tool for that.",
    "That's not something I can do here, sorry.",
    "I'm afraid none of my tools fits that.",
)


@dataclass(frozen=True)
class Family:
    """Tools of one subject and what people ask of them."""

    name: str
    tools: tuple[ToolSpec, ...]
    exchanges: tuple[Exchange, ...]

    def offer(self, random: random.Random) -> tuple[list[ToolSpec], list[Exchange]]:
        """Some of the tools in some order, and the exchanges that they allow.

        A question for a tool that is not offered is declined, now and then.
        """
        count = random.randint(min(2, len(self.tools)), len(self.tools))
        chosen = random.sample(self.tools, count)
        names = {tool.name for tool in chosen}
        fitting = [exchange for exchange in self.exchanges if names.issuperset(exchange.needs)]
        foreign = [exchange for exchange in self.exchanges if exchange.needs and not names.intersection(exchange.needs)]
        declined = [Exchange(question=exchange.question, answer=random.choice(_DECLINED)) for exchange in foreign if random.random() < 0.2]
        return chosen, fitting + declined


def read_family(path: Path) -> Family:
    """Read a family's file; rows that call a tool that is not there are left out."""
    data = json.loads(path.read_text(encoding="utf-8"))
    tools = tuple(ToolSpec(**tool) for tool in data["tools"])
    known = {tool.name for tool in tools}
    exchanges = tuple(_exchange(row) for row in data["rows"])
    return Family(data["family"], tools, tuple(exchange for exchange in exchanges if known.issuperset(exchange.needs)))


def _exchange(row: Mapping[str, Any]) -> Exchange:
    turns: Sequence[Turn] = [Turn(calls=[_made(call)]) for call in row["calls"]]
    return Exchange(question=row["question"], answer=row["answer"], turns=turns)


def _made(call: Mapping[str, Any]) -> Made:
    result = call.get("result", call.get("error", ""))
    text = result if isinstance(result, str) else json.dumps(result, ensure_ascii=False)
    return Made(tool=call["tool"], args=call["args"], text=text, status="error" if "error" in call else "success")
