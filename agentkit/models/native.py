"""The native dialect: a model's own syntax for tools and calls, read off its chat template by probes.

A template is trusted only as far as rendering shows: tools and results appear, a call stands in the text as its name and
its arguments in JSON, text beside a call survives, and every prompt extends the last. Where one of these fails the plain
dialect is used, and `explain` says why.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, SystemMessage, ToolMessage

from agentkit.contract import ToolSpec
from agentkit.models.dialect import Segment, content_text, text_hash
from agentkit.models.grammar import MAX_CALLS, Choice, answer_rules, argument_schema, offered
from agentkit.models.steps import ParsedStep, WrittenCall
from agentkit.models.template import ChatTemplate, TemplateError
from agentkit.models.weights import Weights
from agentkit.state import thread_start

__all__ = ["CallSyntax", "NativeDialect", "probe_syntax"]

_TOOL = {
    "type": "function",
    "function": {
        "name": "toolprobe",
        "description": "descriptionprobe",
        "parameters": {"type": "object", "properties": {"argprobe": {"type": "string"}}, "required": ["argprobe"]},
    },
}
_ARGS = {"argprobe": "valueprobe", "n": 1}


@dataclass(frozen=True)
class CallSyntax:
    """What stands around a call in a model's own turn."""

    lead: str
    """Before the first call's name."""
    middle: str
    """Between name and arguments."""
    tail: str
    """Behind the last call's arguments, up to the end token."""
    between: str | None
    """From the arguments of one call to the name of the next; None where a turn holds one call only."""


def _call(name: str, args: Mapping[str, Any], identity: str) -> dict[str, Any]:
    return {"id": identity, "type": "function", "function": {"name": name, "arguments": dict(args)}}


def _said(template: ChatTemplate, history: list[dict[str, Any]], turn: dict[str, Any]) -> str:
    """What a template writes for a turn behind its generation prompt.

    Raises:
        TemplateError: the turn does not extend the prompt.
    """
    prompt = template.render(history, tools=[_TOOL])
    whole = template.render([*history, turn], tools=[_TOOL], generation=False)
    if not whole.startswith(prompt):
        raise TemplateError("a turn does not extend the prompt that asked for it")
    return whole[len(prompt) :]


def probe_syntax(template: ChatTemplate, ends: Sequence[str]) -> CallSyntax:
    """Read a template's call syntax by rendering.

    Args:
        template: the chat template.
        ends: texts of the model's end tokens.

    Raises:
        TemplateError: the template cannot carry calls; the message says what failed.
    """
    user = [{"role": "system", "content": "systemprobe"}, {"role": "user", "content": "questionprobe"}]
    if "descriptionprobe" not in template.render(user, tools=[_TOOL]):
        raise TemplateError("the template does not show tools")
    one = _said(template, user, {"role": "assistant", "content": "", "tool_calls": [_call("nameprobe", _ARGS, "abcdefgh1")]})
    args = json.dumps(_ARGS)
    lead, found, rest = one.partition("nameprobe")
    middle, exact, tail = rest.partition(args)
    if not (found and exact) or "abcdefgh1" in one or "think" in lead:
        raise TemplateError("a call is not written as its name and its arguments in JSON")
    tail = min((tail.partition(end)[0] for end in ends if end and end in tail), key=len, default=tail.rstrip("\n"))
    beside = _said(template, user, {"role": "assistant", "content": "thoughtprobe", "tool_calls": [_call("nameprobe", _ARGS, "abcdefgh1")]})
    if not beside.startswith("thoughtprobe") or lead.lstrip() not in beside:
        raise TemplateError("text beside a call is lost")
    _check_extension(template, user)
    return CallSyntax(lead.lstrip("\n"), middle, tail, _between(template, user, middle, args))


def _between(template: ChatTemplate, user: list[dict[str, Any]], middle: str, args: str) -> str | None:
    calls = [_call("nameprobe", _ARGS, "abcdefgh1"), _call("otherprobe", _ARGS, "abcdefgh2")]
    try:
        two = _said(template, user, {"role": "assistant", "content": "", "tool_calls": calls})
    except TemplateError:
        return None
    _, found, rest = two.partition(f"nameprobe{middle}{args}")
    between, other, _ = rest.partition(f"otherprobe{middle}{args}")
    return between if found and other else None


def _check_extension(template: ChatTemplate, user: list[dict[str, Any]]) -> None:
    call = {"role": "assistant", "content": "", "tool_calls": [_call("nameprobe", _ARGS, "abcdefgh1")]}
    result = {"role": "tool", "content": "resultprobe", "tool_call_id": "abcdefgh1", "name": "nameprobe"}
    steps = [*user, call, result]
    text = template.render(steps, tools=[_TOOL])
    if "resultprobe" not in text:
        raise TemplateError("a tool's result is not shown")
    longer = [*steps, {"role": "assistant", "content": "answerprobe"}, {"role": "user", "content": "nextprobe"}]
    if not template.render(longer, tools=[_TOOL]).startswith(text):
        raise TemplateError("the template rewrites earlier turns")


class NativeDialect:
    """Calls in the model's own syntax.

    Args:
        template: the chat template.
        weights: the model; control tokens of the syntax are looked up in its vocabulary.
        fingerprint: identity of model and adapter.

    Raises:
        TemplateError: the template cannot carry calls.
    """

    name = "native"

    def __init__(self, template: ChatTemplate, weights: Weights, *, fingerprint: str = "") -> None:
        ends = [weights.piece(token).decode("utf-8", "replace") for token in weights.end_tokens]
        self.template, self.weights, self.fingerprint = template, weights, fingerprint
        self.syntax = probe_syntax(template, ends)
        self._marked = weights.tokenize(self.syntax.lead, special=True)[:1] != weights.tokenize(self.syntax.lead)[:1]
        """Whether a call begins with a control token, so that text may come before it."""

    # ------------------------------------------------------------------ prompts
    def render(self, messages: Sequence[BaseMessage], tools: Sequence[ToolSpec] | None = None, *, generation: bool = True) -> list[Segment]:
        """The prompt as segments."""
        turns, parts = self._turns(messages)
        shown = [_openai(tool) for tool in tools] if tools else None
        text = self.template.render(turns, tools=shown, generation=generation, start=thread_start(messages))
        segments: list[Segment] = []
        for place, segment in parts:
            before, found, text = text.partition(place)
            if not found:
                raise TemplateError("the model's chat template loses a part of this conversation")
            segments += [Segment(before, "template"), segment]
        return [segment for segment in [*segments, Segment(text, "template")] if segment.text]

    def _turns(self, messages: Sequence[BaseMessage]) -> tuple[list[dict[str, Any]], list[tuple[str, Segment]]]:
        turns: list[dict[str, Any]] = []
        parts: list[tuple[str, Segment]] = []
        for index, message in enumerate(messages):
            mark = f"\ue0b0{index}\ue0b1"
            turn: dict[str, Any] = {"role": _role(message), "content": mark}
            place = mark
            if isinstance(message, ToolMessage):
                turn |= {"tool_call_id": message.tool_call_id, "name": message.name or ""}
            if isinstance(message, AIMessage) and message.tool_calls:
                turn |= {"content": "", "tool_calls": [_call(mark, {}, message.tool_calls[0]["id"] or "abcdefgh1")]}
                place = f"{self.syntax.lead}{mark}{self.syntax.middle}{{}}{self.syntax.tail}"
            turns.append(turn)
            parts.append((place, self._segment(message)))
        return turns, parts

    def _segment(self, message: BaseMessage) -> Segment:
        if not isinstance(message, AIMessage):
            return Segment(content_text(message), "content")
        metadata = message.response_metadata
        fits = metadata.get("fingerprint") == self.fingerprint and metadata.get("text_hash") == text_hash(message)
        ids = metadata.get("token_ids") if fits else None
        text = self.own_text(message)
        return Segment(text, "own", ids or self.weights.tokenize(text, special=bool(message.tool_calls)))

    def own_text(self, message: AIMessage) -> str:
        """A turn as the model would write it."""
        if not message.tool_calls:
            return content_text(message)
        thought = str(message.additional_kwargs.get("reasoning_content", "")) or content_text(message)
        calls = [f"{call['name']}{self.syntax.middle}{json.dumps(call['args'], ensure_ascii=False)}" for call in message.tool_calls]
        return f"{thought}{self.syntax.lead}{(self.syntax.between or '').join(calls)}{self.syntax.tail}"

    # ------------------------------------------------------------------ steps
    def parse(self, text: str) -> ParsedStep:
        """Take a step apart; one that is cut gives what is there."""
        place = text.find(self.syntax.lead) if self._marked else (0 if text.startswith(self.syntax.lead) else -1)
        if place < 0:
            return ParsedStep(answer=text)
        calls, rest = [], text[place + len(self.syntax.lead) :]
        while True:
            name, named, rest = rest.partition(self.syntax.middle)
            if not named:
                break
            args, rest, complete = _json_head(rest)
            calls.append(WrittenCall(name, args, complete))
            if not complete or not self.syntax.between or not rest.startswith(self.syntax.between):
                break
            rest = rest.removeprefix(self.syntax.between)
        return ParsedStep(thought=text[:place].strip(), calls=tuple(calls))

    def must_finish(self, text: bytes) -> bool:
        """Whether a step may not be cut here, citations apart."""
        step = text.decode("utf-8", "ignore")
        begun = step.startswith(self.syntax.lead[:1])
        return (self.syntax.lead in step or self._control in step) if self._marked else begun

    @property
    def _control(self) -> str:
        return self.weights.piece(self.weights.tokenize(self.syntax.lead, special=True)[0]).decode("utf-8", "replace")

    def begun(self, text: str) -> str:
        """The part of a step from where its last call began."""
        place = text.rfind(self._control) if self._marked else 0
        return text[place:] if place >= 0 else ""

    def grammar(
        self, tools: Sequence[ToolSpec], *, choice: Choice, passages: Mapping[int, str], thought: bool, max_calls: int = MAX_CALLS
    ) -> str:
        """The grammar of one step."""
        callable_now, answers = offered(tools, choice)
        free = "(FIRST (TEXT | BRACKET | NUMBERED UNQUOTED)*)? " if thought and choice == "auto" and self._marked else ""
        steps = [f"{free}calls"] * bool(callable_now) + ["answer_text"] * answers
        rules = [f"start: {' | '.join(steps)}"]
        if callable_now:
            more = f" ({self._literal(self.syntax.between)} call){{0,{max_calls - 1}}}" if self.syntax.between and max_calls > 1 else ""
            rules.append(f"calls: {self._literal(self.syntax.lead)} call{more} {self._literal(self.syntax.tail)}".rstrip())
            rules.append(f"call: {' | '.join(f'call{i}' for i in range(len(callable_now)))}")
        for i, tool in enumerate(callable_now):
            rules.append(f"call{i}: {json.dumps(tool.name)} {self._literal(self.syntax.middle)} args{i}")
            rules.append(f"args{i}: %json {json.dumps(argument_schema(tool.parameters))}")
        if answers or free:
            rules += answer_rules(passages, barred="" if self._marked else self.syntax.lead[:1])
        return "\n".join(rules)

    def _literal(self, text: str) -> str:
        """A text for the grammar, its control tokens by id."""
        special = self.weights.constraint_tokenizer.is_special_token
        parts: list[str] = []
        plain: list[int] = []
        for token in [*self.weights.tokenize(text, special=True), -1]:
            if token >= 0 and not special(token):
                plain.append(token)
                continue
            if plain:
                parts.append(json.dumps(self.weights.detokenize(plain).decode("utf-8"), ensure_ascii=False))
                plain.clear()
            if token >= 0:
                parts.append(f"<[{token}]>")
        return " ".join(parts)


def _role(message: BaseMessage) -> str:
    if isinstance(message, SystemMessage):
        return "system"
    return "assistant" if isinstance(message, AIMessage) else "tool" if isinstance(message, ToolMessage) else "user"


def _openai(tool: ToolSpec) -> dict[str, Any]:
    function = {"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)}
    return {"type": "function", "function": function}


def _json_head(text: str) -> tuple[str, str, bool]:
    """The JSON object at the head of a text, what follows, and whether it is complete."""
    try:
        _, end = json.JSONDecoder(strict=False).raw_decode(text)
    except ValueError:
        return text, "", False
    return text[:end], text[end:], True
