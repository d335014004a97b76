"""How two runs differ, in words: the tool and the field, the message and the line."""

import difflib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from agentkit.record import timeless

__all__ = ["event_difference", "message_difference", "offer_difference", "place_of", "tool_differences"]

MOST_LINES = 40
"""Lines of a difference that a message shows."""
MOST_CHARACTERS = 200
"""Of a value that a message shows."""

Spec = Mapping[str, Any]


def place_of(event: Mapping[str, Any]) -> str:
    """Where an event stands.

    >>> place_of({"event": "result", "turn": 1, "step": 2, "call": 0})
    'the result of turn 1, step 2, call 0'
    """
    call = f", call {event['call']}" if event.get("call") is not None else ""
    return f"the {event['event']} of turn {event['turn']}, step {event['step']}{call}"


def event_difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """The lines of two events that are not the same; of the tools that were offered, by name and field."""
    named = tool_differences(old.get("tools") or (), new.get("tools") or ()) if old["event"] == "asked" else []
    if named and {**timeless(old), "tools": []} == {**timeless(new), "tools": []}:
        return "\n".join(named)
    return "\n".join([*named, _lines(*_as_lines(timeless(old), timeless(new)))])


def message_difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """The lines of two messages that are not the same."""
    same = {**old, "content": ""} == {**new, "content": ""} and isinstance(old["content"], str) and isinstance(new["content"], str)
    if same:
        return _lines(old["content"].split("\n"), new["content"].split("\n"))
    return _lines(*_as_lines(old, new))


def offer_difference(old: Mapping[str, Any], new: Mapping[str, Any], tools: tuple[Sequence[Spec], Sequence[Spec]]) -> str:
    """What a model was offered then and would be now, messages apart.

    Args:
        old: `offered` of the recorded prompt.
        new: the same of the prompt as it is now.
        tools: the tools as they were recorded and as they are now.
    """
    told = [f"{name}: {new[name]!r}, recorded {old[name]!r}" for name in ("tools", "choice") if old[name] != new[name]]
    if old["specs"] != new["specs"] or old["section"] != new["section"]:
        told += tool_differences(*tools) or ["the text that shows the tools to the model is another one: its wording was changed"]
    return "\n".join(told)


def tool_differences(old: Sequence[Spec], new: Sequence[Spec]) -> list[str]:
    """A line on each field of each tool that is not the same, order included.

    >>> tool_differences([{"name": "add", "description": "Add."}], [{"name": "add", "description": "Add up."}])
    ["the tool 'add': description is 'Add up.', recorded 'Add.'"]
    """
    before, now = ({spec["name"]: spec for spec in specs} for specs in (old, new))
    told = [f"the tool {name!r} is new" for name in now if name not in before]
    told += [f"the tool {name!r} is gone" for name in before if name not in now]
    for name in now:
        if name in before:
            told += [f"the tool {name!r}: {line}" for line in _fields(before[name], now[name])]
    names = [[spec["name"] for spec in specs] for specs in (old, new)]
    if sorted(names[0]) == sorted(names[1]) and names[0] != names[1]:
        told.append(f"the order of the tools is {', '.join(names[1])}, recorded {', '.join(names[0])}")
    return told


def _fields(old: Any, new: Any, path: str = "") -> Iterator[str]:
    if not isinstance(old, Mapping) or not isinstance(new, Mapping):
        if old != new:
            yield f"{path} is {_short(new)}, recorded {_short(old)}"
        return
    for name in dict.fromkeys([*new, *old]):
        inner = f"{path}.{name}" if path else str(name)
        if name not in old:
            yield f"{inner} is new: {_short(new[name])}"
        elif name not in new:
            yield f"{inner} is gone: recorded {_short(old[name])}"
        else:
            yield from _fields(old[name], new[name], inner)
    if path.rpartition(".")[2] == "properties" and sorted(old) == sorted(new) and list(old) != list(new):
        yield f"the order of {path} is {', '.join(new)}, recorded {', '.join(old)}"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= MOST_CHARACTERS else f"{text[:MOST_CHARACTERS]}..."


def _as_lines(*items: Mapping[str, Any]) -> list[list[str]]:
    return [json.dumps(item, indent=1, sort_keys=True, ensure_ascii=False).split("\n") for item in items]


def _lines(old: Sequence[str], new: Sequence[str]) -> str:
    lines = list(difflib.unified_diff(old, new, "recorded", "now", lineterm="", n=1))
    more = [f"... and {len(lines) - MOST_LINES} lines more"] if len(lines) > MOST_LINES else []
    return "\n".join(line[:400] for line in [*lines[:MOST_LINES], *more])
