"""The prompt contract: everything that the embedded model is trained to read or write, except content.

```
system      prompts/system.md, the user's instructions, the tools, how to write a step
user        the question
assistant   Call: NAME {"ARGUMENT": VALUE}
user        Result of NAME: ... | Error of NAME: ... | Passages found by NAME: [1] ... | Hint: ...
assistant   Answer: TEXT [1: "words of passage 1"]
```

All wording stands in `prompts/`; this module is the only one that fills it. `CONTRACT` is the number that an adapter,
a training record and a run record carry: an adapter of another number is refused.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agentkit import prompts

__all__ = [
    "CONTRACT",
    "ToolSpec",
    "parse_citations",
    "render_compaction",
    "render_cut",
    "render_error",
    "render_hint",
    "render_no_passages",
    "render_passage",
    "render_passages",
    "render_repeated",
    "render_result",
    "render_signature",
    "render_system",
    "render_tools",
    "unanswerable",
    "write_citation",
]

CONTRACT = 1
"""The number of the contract in force; only a change that retrains the embedded adapter may change it."""

CALL, ANSWER, THOUGHT = "Call: ", "Answer: ", "Thought: "
"""How a step of the plain dialect begins."""

_CITATION = re.compile(r'\s?\[(\d{1,4}): ("(?:[^"\\\n]|\\.)*")\]')


@dataclass(frozen=True, kw_only=True)
class ToolSpec:
    """A tool as a model is shown it."""

    name: str
    description: str
    parameters: Mapping[str, Any]
    """JSON Schema of the arguments, references inlined."""


def unanswerable() -> str:
    """The sentence for a question that the documents don't answer."""
    return prompts.load("unanswerable")


def render_system(instructions: str = "") -> str:
    """The system text, with the user's own instructions in their slot.

    >>> render_system("Answer in French.").splitlines()[-1]
    'Instructions of the user: Answer in French.'
    """
    text = prompts.render("system", unanswerable=unanswerable())
    return f"{text}\n{prompts.render('instructions', instructions=instructions.strip())}" if instructions.strip() else text


def render_tools(tools: Sequence[ToolSpec]) -> str:
    """The tools and the syntax of a step, as the plain dialect puts them behind the system text."""
    return prompts.render("tools", tools="\n".join(render_signature(tool) for tool in tools))


def render_signature(tool: ToolSpec) -> str:
    """One tool as a signature, a parameter with a description on a line of its own.

    >>> spec = ToolSpec(name="bin_day", description="Next collection day.", parameters={"type": "object",
    ...     "properties": {"street": {"type": "string", "description": "its name"}}, "required": ["street"]})
    >>> print(render_signature(spec))
    - bin_day(street: string): Next collection day.
      street: its name
    """
    properties = tool.parameters.get("properties", {})
    head = f"- {tool.name}({_fields(tool.parameters)}): {' '.join(tool.description.split())}"
    notes = [f"  {name}: {' '.join(str(schema['description']).split())}" for name, schema in properties.items()
             if isinstance(schema, Mapping) and schema.get("description")]
    return "\n".join([head, *notes])


def _fields(schema: Mapping[str, Any]) -> str:
    required = set(schema.get("required", ()))
    fields = []
    for name, field in schema.get("properties", {}).items():
        mark = "" if name in required else "?"
        default = ""
        if isinstance(field, Mapping) and field.get("default") is not None:
            default = f" = {json.dumps(field['default'], ensure_ascii=False)}"
        fields.append(f"{name}{mark}: {_type(field)}{default}")
    return ", ".join(fields)


def _type(schema: Any) -> str:
    """A JSON Schema as a short type: `integer`, `"red"|"green"`, `string[]`, `{lat: number, lon: number}`."""
    if not isinstance(schema, Mapping):
        return "any"
    if "const" in schema:
        return json.dumps(schema["const"], ensure_ascii=False)
    if "enum" in schema:
        return "|".join(json.dumps(value, ensure_ascii=False) for value in schema["enum"])
    for key in ("anyOf", "oneOf"):
        if key in schema:
            return "|".join(dict.fromkeys(_type(option) for option in schema[key]))
    kind = schema.get("type", "object" if "properties" in schema else "any")
    if isinstance(kind, list):
        return "|".join(map(str, kind))
    if kind == "array":
        inner = _type(schema.get("items", {}))
        return f"({inner})[]" if "|" in inner else f"{inner}[]"
    if kind == "object" and schema.get("properties"):
        return "{" + _fields(schema) + "}"
    return str(kind)


def render_result(tool: str, text: str) -> str:
    """What a tool returned."""
    return prompts.render("result", tool=tool, text=text)


def render_error(tool: str, text: str) -> str:
    """A tool's failure, as the model reads it."""
    return prompts.render("error", tool=tool, text=text)


def render_passage(passage: Mapping[str, Any]) -> str:
    """One numbered passage: a line with number, source and place, then its text."""
    place = ", ".join(part for part in (str(passage["source"]), str(passage["location"])) if part)
    return prompts.render("passage", n=str(passage["n"]), place=place, text=str(passage["text"]))


def render_passages(tool: str, passages: Sequence[Mapping[str, Any]]) -> str:
    """Numbered passages, a blank line between two."""
    return prompts.render("passages", tool=tool, passages="\n\n".join(render_passage(passage) for passage in passages))


def render_no_passages(tool: str) -> str:
    """A search that found nothing."""
    return prompts.render("no_passages", tool=tool)


def render_hint(text: str) -> str:
    """A hint of the loop to the model."""
    return prompts.render("hint", text=text)


def render_repeated(tool: str) -> str:
    """The hint in place of the second run of a call that was made already."""
    return render_hint(prompts.render("hint_repeated", tool=tool))


def render_cut(left_out: int) -> str:
    """The note where an observation was cut; `left_out` counts tokens."""
    return prompts.render("cut", left_out=str(left_out))


def render_compaction(calls: int) -> str:
    """The note in place of call-and-result pairs that were left out of the prompt."""
    return prompts.render("compaction", calls=str(calls))


def write_citation(n: int, quote: str) -> str:
    """A citation as the model writes it.

    >>> write_citation(2, 'a "b"')
    '[2: "a \\\\"b\\\\""]'
    """
    return f"[{n}: {json.dumps(quote, ensure_ascii=False)}]"


def parse_citations(text: str, *, keep: Callable[[int, str], bool] = lambda n, quote: True) -> tuple[str, list[tuple[int, str]]]:
    """Split an answer into what is shown (`[n]` for each citation) and its citations in order; those not kept vanish.

    >>> parse_citations('It has 36 beds [1: "Beds: 36"].')
    ('It has 36 beds [1].', [(1, 'Beds: 36')])
    """
    found: list[tuple[int, str]] = []

    def shorten(match: re.Match[str]) -> str:
        try:
            quote = json.loads(match[2], strict=False)
        except ValueError:
            return match[0]
        if not keep(int(match[1]), quote):
            return ""
        found.append((int(match[1]), quote))
        return f" [{match[1]}]" if match[0][0].isspace() else f"[{match[1]}]"

    return _CITATION.sub(shorten, text), found
