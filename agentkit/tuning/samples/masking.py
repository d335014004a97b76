"""Tools under random names, so that descriptions must be read (function masking, Hammer, arXiv 2410.04587)."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from agentkit.contract import ToolSpec
from agentkit.tuning.trajectory import Exchange, Made, Turn

__all__ = ["mask", "shuffle_arguments"]

_SYLLABLES = [
    "ba",
    "ke",
    "lo",
    "mi",
    "nu",
    "ra",
    "se",
    "ti",
    "vo",
    "xa",
    "zu",
    "dor",
    "fen",
    "gal",
    "hit",
    "jun",
    "kor",
    "lim",
    "mas",
    "nep",
]
_STEMS = ["run", "do", "get", "call", "func", "tool", "op", "task", "step", "job", "action", "query", "cmd", "handle", "item", "proc"]


def mask(tools: Sequence[ToolSpec], exchanges: Sequence[Exchange], random: random.Random) -> tuple[list[ToolSpec], list[Exchange]]:
    """Rename tools, and in half of the cases arguments too; descriptions and values stay.

    >>> import random
    >>> spec = ToolSpec(name="price", description="Price of a seed", parameters={"properties": {"seed": {"type": "string"}}})
    >>> asked = Exchange(question="?", answer="2", turns=[Turn(calls=[Made(tool="price", args={"seed": "pea"}, text="2")])])
    >>> tools, exchanges = mask([spec], [asked], random.Random(0))
    >>> tools[0].name == exchanges[0].turns[0].calls[0].tool != "price"
    True
    """
    names = dict(zip((tool.name for tool in tools), _fresh(len(tools), random), strict=True))
    arguments: dict[str, dict[str, str]] = {tool.name: {} for tool in tools}
    if random.random() < 0.5:
        for tool in tools:
            properties = tool.parameters.get("properties", {})
            arguments[tool.name] = dict(zip(properties, _fresh(len(properties), random), strict=True))
    masked = [replace(tool, name=names[tool.name], parameters=_renamed(tool.parameters, arguments[tool.name])) for tool in tools]
    return masked, [_followed(exchange, names, arguments) for exchange in exchanges]


def shuffle_arguments(tool: ToolSpec, random: random.Random) -> ToolSpec:
    """The same tool with its arguments in another order."""
    properties = list(tool.parameters.get("properties", {}).items())
    random.shuffle(properties)
    return replace(tool, parameters={**tool.parameters, "properties": dict(properties)})


def _fresh(count: int, random: random.Random) -> list[str]:
    """Different made-up names of one style."""
    style = random.choice(("syllables", "numbered", "letters"))
    found: dict[str, None] = {}
    while len(found) < count:
        if style == "syllables":
            name = "".join(random.sample(_SYLLABLES, random.randint(2, 3)))
        elif style == "numbered":
            name = f"{random.choice(_STEMS)}_{random.randint(1, 99)}"
        else:
            name = "".join(random.choices("abcdefghijklmnopqrstuvwxyz", k=random.randint(3, 5)))
        found[name] = None
    return list(found)


def _renamed(parameters: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    properties = {}
    # an argument without a description would lose its meaning with its name: the old name becomes the description
    for name, schema in parameters.get("properties", {}).items():
        described = schema if schema.get("description") or name not in names else {**schema, "description": name.replace("_", " ")}
        properties[names.get(name, name)] = described
    return {**parameters, "properties": properties, "required": [names.get(name, name) for name in parameters.get("required", ())]}


def _followed(exchange: Exchange, names: Mapping[str, str], arguments: Mapping[str, Mapping[str, str]]) -> Exchange:
    def call(made: Made) -> Made:
        renamed = arguments.get(made.tool, {})
        return replace(made, tool=names.get(made.tool, made.tool), args={renamed.get(key, key): value for key, value in made.args.items()})

    return replace(exchange, turns=[Turn(calls=[call(made) for made in turn.calls], trained=turn.trained) for turn in exchange.turns])
