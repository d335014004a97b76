"""The guard against going in circles: which calls are worth a run, and when an answer is due.

```
strike 1   every call of a step was made before   -> a hint in place of each run
strike 2   once more                              -> a hint, and the tools called are withheld
strike 3   once more, or a withheld tool          -> an answer is forced (`no_progress`)
```

A call was made before when the same tool had the same arguments in this turn and nothing says that the outcome may be
another one: a tool marked `reads` and a call that failed may be tried once more, and a call of a tool that writes or
spends opens everything again. Two equal results of a call are always enough, so ping-pong between two calls ends too.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from agentkit.state import SeenCall

__all__ = ["MOST_CALLS", "STRIKES_TO_ANSWER", "STRIKES_TO_WITHHOLD", "call_key", "digest_of", "verdict_on"]

STRIKES_TO_WITHHOLD = 2
STRIKES_TO_ANSWER = 3
MOST_CALLS = 16
"""Calls of one message that are run; a model that writes more is told so."""

CHANGING = ("writes", "spends")


def call_key(tool: str, args: Mapping[str, Any]) -> str:
    """The same string for the same call, whatever the order of its arguments.

    >>> call_key("add", {"b": 1, "a": 2})
    'add {"a": 2, "b": 1}'
    """
    return f"{tool} {json.dumps(args, sort_keys=True, ensure_ascii=False, default=str)}"


def digest_of(text: str) -> str:
    """A short digest of a result, to see whether two are equal."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def verdict_on(
    call: Mapping[str, Any], *, seen: Sequence[SeenCall], withheld: Sequence[str], effects: Mapping[str, str | None]
) -> Literal["run", "hint", "withheld"]:
    """Whether a call is run, answered with a hint, or refused because its tool is withheld."""
    name = call["name"]
    if name in withheld:
        return "withheld"
    key = call_key(name, call["args"])
    before = [place for place, item in enumerate(seen) if item["key"] == key and item["status"] != "hint"]
    if not before:
        return "run"
    if len(before) >= 2 and seen[before[-1]]["digest"] == seen[before[-2]]["digest"]:
        return "hint"
    last = seen[before[-1]]
    since = [item for item in seen[before[-1] + 1 :] if item["key"] != key and item["status"] == "success"]
    changed = any(effects.get(item["tool"]) in CHANGING for item in since)
    may_differ = effects.get(name) == "reads" or (last["status"] == "error" and effects.get(name) != "none")
    return "run" if changed or may_differ else "hint"
