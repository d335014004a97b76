"""The grammar of a step, in llguidance's Lark: what a local model can write is a valid call of a registered tool, or an answer.

```
step    = [Thought: ...\\n] (call ... | answer)
call    = NAME of a registered tool, then JSON of exactly its arguments
answer  = text in which [n: "quote"] occurs only with a number that was observed and a literal piece of that passage
```

The lexemes of an answer are chosen so that the greedy lexer never has to go back: `[` begins either a citation or an
opening bracket that may be followed by digits, and only the first may be followed by `: "`.
"""

import functools
import json
import re
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from agentkit.contract import ANSWER, CALL, THOUGHT, ToolSpec
from agentkit.errors import SchemaWarning, UsageError

__all__ = ["Choice", "answer_rules", "argument_schema", "check_schema", "offered", "quote_chunks", "step_grammar"]

Choice = str
"""`auto` (call or answer), `any` (some call), `none` (answer), or the name of a tool."""

MAX_CALLS = 4
"""Calls that one step may hold."""

QUOTE_TOKENS = 64
QUOTE_CHARACTERS = 4
"""A quote has at most so many tokens and at least so many characters."""

_JSON_OPTIONS = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": ", "lenient": True, "coerce_one_of": True}
_UNSPACED = r"\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
"""Scripts that put no space between words: Thai, Chinese, Japanese ...; a quote may begin at each of their characters."""

_SPLIT = re.compile(rf"\\u[0-9a-fA-F]{{4}}|\\.|[{_UNSPACED}]|[^\W{_UNSPACED}]{{1,32}}|\s|[^\w\s\\]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_CONTROL = r"\x00-\x08\x0b-\x1f\x7f"
"""Characters that a model has no reason to write and a terminal may obey."""

_NAME = re.compile(r"[^\s\"\\\x00-\x1f]+")
_SHARING = ("allOf", "if", "not", "dependentSchemas", "unevaluatedProperties", "patternProperties", "$dynamicRef")
"""Keywords with which other parts of a schema may speak of the same object."""


def argument_schema(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """A tool's JSON Schema as the grammar wants it: an object, no other arguments than those named, fixed separators.

    >>> argument_schema({"properties": {"day": {"type": "string"}}})["additionalProperties"]
    False
    """
    schema: dict[str, Any] = {"type": "object", **parameters}
    if not {"$ref", "anyOf", "oneOf", "allOf"} & schema.keys():
        schema.setdefault("properties", {})
    return {**_closed(schema, deep=not any(f'"{key}":' in json.dumps(schema) for key in _SHARING)), "x-guidance": _JSON_OPTIONS}


def _closed(schema: Any, *, deep: bool) -> Any:
    """Bar other properties than those named, in an object and, where nothing else can name some, in those inside it."""
    if not isinstance(schema, Mapping):
        return schema
    closed = {key: _closed_part(key, value) for key, value in schema.items()} if deep else dict(schema)
    named = schema.get("properties")
    if isinstance(named, Mapping) and set(schema.get("required", ())) <= named.keys() and schema.get("minProperties", 0) <= len(named):
        closed.setdefault("additionalProperties", False)
    return closed


def _closed_part(key: str, value: Any) -> Any:
    if key in ("properties", "$defs", "definitions") and isinstance(value, Mapping):
        return {name: _closed(part, deep=True) for name, part in value.items()}
    if key in ("anyOf", "oneOf", "prefixItems") and isinstance(value, Sequence):
        return [_closed(part, deep=True) for part in value]
    return _closed(value, deep=True) if key in ("items", "additionalProperties") else value


@functools.lru_cache(maxsize=512)
def _check(name: str, schema: str) -> tuple[str, ...]:
    from llguidance import LLMatcher

    failed, messages = LLMatcher.validate_grammar_with_warnings(f"start: %json {schema}", None)
    if failed:
        reason = re.sub(r"^at \d+\(\d+\): |\n *1 \| start: %json.*$", "", "; ".join(messages), flags=re.DOTALL).strip()
        raise UsageError(f"tool {name!r} has a schema that cannot become a grammar: {reason}. Simplify that part of its schema.")
    if messages:
        told = "; ".join(message.replace("Unimplemented keys", "keywords") for message in messages)
        warnings.warn(
            f"a part of the schema of tool {name!r} is not in the grammar and is checked only when the call is made: {told}",
            SchemaWarning,
            stacklevel=4,
        )
    return tuple(messages)


def check_schema(tool: ToolSpec) -> tuple[str, ...]:
    """Compile a tool's schema once; return llguidance's warnings: keywords that are checked after decoding only.

    Warns:
        SchemaWarning: once a schema, where there are such keywords.

    Raises:
        UsageError: the name or the schema cannot become a grammar; the message names the tool.
    """
    if not _NAME.fullmatch(tool.name):
        raise UsageError(f"a tool is named {tool.name!r}: a name has no space, quotation mark or backslash")
    return _check(tool.name, json.dumps(argument_schema(tool.parameters)))


def quote_chunks(passage: str) -> list[str]:
    """A passage, JSON-escaped, in pieces at whose borders a quote may begin and end.

    >>> quote_chunks('a "b" 7.50')
    ['a', ' ', '\\\\"', 'b', '\\\\"', ' ', '7', '.', '50']
    """
    written = json.dumps(passage, ensure_ascii=False)[1:-1]
    return _SPLIT.findall(_SURROGATE.sub(lambda match: f"\\u{ord(match[0]):04x}", written))


def offered(tools: Sequence[ToolSpec], choice: Choice) -> tuple[Sequence[ToolSpec], bool]:
    """The tools that may be called under a choice, and whether an answer may be given.

    Raises:
        UsageError: the choice leaves nothing that could be written.
    """
    if choice not in ("auto", "any", "none"):
        tools = [tool for tool in tools if tool.name == choice]
        if not tools:
            raise UsageError(f"tool_choice {choice!r} is not among the tools that can be called")
    if choice == "any" and not tools:
        raise UsageError("tool_choice 'any' needs at least one tool that can be called")
    return (() if choice == "none" else tools), choice in ("auto", "none")


def answer_rules(passages: Mapping[int, str], *, barred: str = "") -> list[str]:
    """The rules `answer_text` and below: free text with literal citations of the given passages (by number).

    `barred` is a character with which an answer cannot begin, since a call does.
    """
    cited = {n: chunks for n, text in sorted(passages.items()) if len("".join(chunks := quote_chunks(text))) >= QUOTE_CHARACTERS}
    rules = [
        f"answer_text: FIRST (TEXT | BRACKET | NUMBERED UNQUOTED{' | cite' if cited else ''})*",
        rf"FIRST: /[^\[\s{_CONTROL}{re.escape(barred)}][^\[{_CONTROL}]*/",
        rf"TEXT: /[^\[{_CONTROL}]+/",
        r"BRACKET: /\[([0-9]{1,4}:?)?/",
        r"NUMBERED: /\[[0-9]{1,4}: /",
        rf'UNQUOTED: /[^\["{_CONTROL}][^\[{_CONTROL}]*/',
    ]
    if cited:
        rules.append("cite: " + " | ".join(f'"[{n}: \\"" quote{n} "\\"]"' for n in cited))
    for n, chunks in cited.items():
        rules.append(f"quote{n}[max_tokens={QUOTE_TOKENS}]: QUOTE{n}")
        rules.append(f"QUOTE{n}: PASSAGE{n} & /(?s:.{{{QUOTE_CHARACTERS},}})/")
        rules.append(f"PASSAGE{n}: %regex {json.dumps({'substring_chunks': chunks})}")
    return rules


def step_grammar(
    tools: Sequence[ToolSpec],
    *,
    choice: Choice = "auto",
    passages: Mapping[int, str] | None = None,
    thought: bool = True,
    max_calls: int = MAX_CALLS,
) -> str:
    """The grammar of one step of the plain dialect.

    Args:
        tools: the tools that may be called now.
        choice: see `Choice`.
        passages: the text of each passage that may be cited, by number.
        thought: whether a thought may come first; a forced choice has none.
        max_calls: how many calls one step may hold.
    """
    callable_now, answers = offered(tools, choice)
    steps = [*(["calls"] if callable_now else []), *(["answer"] if answers else [])]
    free = f'("{THOUGHT}" THOUGHT_TEXT "\\n")? ' if thought and choice == "auto" else ""
    rules = [f"start: {free}({' | '.join(steps)})"]
    if free:
        rules.append(rf"THOUGHT_TEXT: /[^\n{_CONTROL}]{{1,400}}/")
    if callable_now:
        rules.append("calls: call" + (f' ("\\n" call){{0,{max_calls - 1}}}' if max_calls > 1 else ""))
        rules.append(f'call: "{CALL}" ({" | ".join(f"call{i}" for i in range(len(callable_now)))})')
        for i, tool in enumerate(callable_now):
            rules.append(f"call{i}: {json.dumps(f'{tool.name} ', ensure_ascii=False)} args{i}")
            rules.append(f"args{i}: %json {json.dumps(argument_schema(tool.parameters))}")
    if answers:
        rules.append(f'answer: "{ANSWER}" answer_text')
        rules += answer_rules(passages or {})
    return "\n".join(rules)
