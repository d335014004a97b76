"""How a conversation becomes a prompt.

The plain dialect writes calls as text inside ordinary user and assistant turns, so that any chat template can carry them:

```
system      system text, tools, how to write a step     (folded into the first user turn where a template has no system role)
user        question
assistant   Call: NAME {...}
user        Result of NAME: ...                         (observations of one step, and a question behind them, share a turn)
assistant   Answer: ...
```

A prompt is a list of segments. Text of the template is tokenised with its control tokens; content never is, so that a
document that holds `<|im_end|>` cannot end a turn. Turns that the model wrote keep their own token ids.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from langchain_core.messages import AIMessage, BaseMessage, SystemMessage

from agentkit.contract import THOUGHT, ToolSpec, render_tools
from agentkit.models.grammar import MAX_CALLS, Choice, step_grammar
from agentkit.models.steps import ParsedStep, parse_step, write_step
from agentkit.models.template import ChatTemplate, TemplateError
from agentkit.state import thread_start

__all__ = ["Dialect", "Encoded", "PlainDialect", "Segment", "Tokenizer", "encode", "own_text", "text_hash"]

_OPEN, _CLOSE = "\ue0b0", "\ue0b1"


@dataclass(frozen=True)
class Segment:
    """A piece of a prompt: of the template, of content, or the model's own turn."""

    text: str
    kind: Literal["template", "content", "own"]
    token_ids: Sequence[int] | None = None
    """The ids that the model generated, where they are known and fit the text."""


@dataclass(frozen=True)
class Encoded:
    """Token ids and, for each, whether the model writes it itself (its turns and the end of each)."""

    ids: list[int]
    own: list[bool]


class Tokenizer(Protocol):
    """What `encode` needs of a model: see `agentkit.models.weights.Weights`."""

    end_tokens: frozenset[int]

    def tokenize(self, text: str, *, special: bool = False) -> list[int]:
        """Token ids of a text."""
        ...


def own_text(message: AIMessage) -> str:
    """The text of a model's turn in the plain dialect."""
    thought = str(message.additional_kwargs.get("reasoning_content", ""))
    calls = [(call["name"], call["args"]) for call in message.tool_calls]
    return write_step(thought, content_text(message), calls)


def content_text(message: BaseMessage) -> str:
    """The text of a message whose content may be a list of blocks."""
    return (
        message.content
        if isinstance(message.content, str)
        else "".join(str(block.get("text", "")) if isinstance(block, dict) else str(block) for block in message.content)
    )


def text_hash(message: AIMessage) -> str:
    """Hash of what a turn says; its token ids are used only while this still fits."""
    said = [
        content_text(message),
        message.additional_kwargs.get("reasoning_content", ""),
        [[c["name"], c["args"]] for c in message.tool_calls],
    ]
    return hashlib.sha256(json.dumps(said, ensure_ascii=False, sort_keys=True).encode("utf-8", "surrogatepass")).hexdigest()[:16]


class Dialect(Protocol):
    """How conversations become prompts, and what a step looks like."""

    name: str

    def render(self, messages: Sequence[BaseMessage], tools: Sequence[ToolSpec] | None = None, *, generation: bool = True) -> list[Segment]:
        """The prompt as segments; `tools=None` is a plain chat without steps."""
        ...

    def own_text(self, message: AIMessage) -> str:
        """A turn as the model would write it."""
        ...

    def parse(self, text: str) -> ParsedStep:
        """Take a step apart; one that is cut gives what is there."""
        ...

    def must_finish(self, text: bytes) -> bool:
        """Whether a step may not be cut here because it is inside a call."""
        ...

    def begun(self, text: str) -> str:
        """The part of a step from where its last call began."""
        ...

    def grammar(
        self, tools: Sequence[ToolSpec], *, choice: Choice, passages: Mapping[int, str], thought: bool, max_calls: int = MAX_CALLS
    ) -> str:
        """The grammar of one step."""
        ...


class PlainDialect:
    """Calls as text inside ordinary turns, for any chat template.

    Args:
        template: the model's chat template.
        fingerprint: identity of model and adapter; ids of turns by another one are not used.
    """

    name = "plain"

    def __init__(self, template: ChatTemplate, *, fingerprint: str = "") -> None:
        self.template = template
        self.fingerprint = fingerprint
        self.has_system = template.accepts("system", "user", "assistant", "user")

    def render(self, messages: Sequence[BaseMessage], tools: Sequence[ToolSpec] | None = None, *, generation: bool = True) -> list[Segment]:
        """The prompt as segments; `tools=None` is a plain chat without steps."""
        turns = self._turns(messages, tools)
        values = [turn["content"] for turn in turns]
        marked = [{**turn, "content": f"{_OPEN}{index}{_CLOSE}"} for index, turn in enumerate(turns)]
        said = [{"role": turn["role"], "content": turn["content"]} for turn in marked]
        text = self.template.render(said, generation=generation, start=thread_start(messages))
        segments: list[Segment] = []
        for index, turn in enumerate(turns):
            before, found, text = text.partition(f"{_OPEN}{index}{_CLOSE}")
            if not found or _OPEN in before:
                raise TemplateError(f"the model's chat template loses, moves or repeats a turn of the role {turn['role']!r}")
            segments += [Segment(before, "template"), self._segment(values[index], turn.get("message"))]
        if _OPEN in text:
            raise TemplateError("the model's chat template repeats a turn")
        return [segment for segment in [*segments, Segment(text, "template")] if segment.text]

    def _segment(self, text: str, message: AIMessage | None) -> Segment:
        if message is None:
            return Segment(text, "content")
        metadata = message.response_metadata
        fits = (
            metadata.get("token_ids")
            and metadata.get("fingerprint") == self.fingerprint
            and metadata.get("text_hash") == text_hash(message)
        )
        return Segment(text, "own", metadata["token_ids"] if fits else None)

    def _turns(self, messages: Sequence[BaseMessage], tools: Sequence[ToolSpec] | None) -> list[dict[str, Any]]:
        system = "\n".join(content_text(message) for message in messages if isinstance(message, SystemMessage))
        if tools:
            system = f"{system}\n{render_tools(tools)}".lstrip("\n")
        turns: list[dict[str, Any]] = []
        for message in messages:
            if isinstance(message, AIMessage):
                text = own_text(message) if tools or message.tool_calls else content_text(message)
                turns.append({"role": "assistant", "content": text, "message": message})
            elif not isinstance(message, SystemMessage):
                self._say(turns, content_text(message))
        if not system:
            return turns
        if self.has_system:
            return [{"role": "system", "content": system}, *turns]
        first = next((turn for turn in turns if turn["role"] == "user"), None)
        if first is None or turns[0] is not first:
            return [{"role": "user", "content": system}, *turns]
        first["content"] = f"{system}\n\n{first['content']}"
        return turns

    def own_text(self, message: AIMessage) -> str:
        """A turn as the model would write it."""
        return own_text(message)

    def parse(self, text: str) -> ParsedStep:
        """Take a step apart; one that is cut gives what is there."""
        return parse_step(text)

    def must_finish(self, text: bytes) -> bool:
        """Whether a step may not be cut here because it is inside a call.

        >>> PlainDialect(ChatTemplate("")).must_finish(b"Call: calc")
        True
        """
        return self._behind_thought(text.decode("utf-8", "ignore")).startswith("C")

    def begun(self, text: str) -> str:
        """The part of a step from where its last call began."""
        return text.rpartition("\n")[2]

    def grammar(
        self, tools: Sequence[ToolSpec], *, choice: Choice, passages: Mapping[int, str], thought: bool, max_calls: int = MAX_CALLS
    ) -> str:
        """The grammar of one step."""
        return step_grammar(tools, choice=choice, passages=passages, thought=thought, max_calls=max_calls)

    @staticmethod
    def _behind_thought(step: str) -> str:
        return step.partition("\n")[2] if step.startswith(THOUGHT) else step

    @staticmethod
    def _say(turns: list[dict[str, Any]], text: str) -> None:
        """Append what the user's side says; consecutive pieces share a turn."""
        if turns and turns[-1]["role"] == "user":
            turns[-1]["content"] += f"\n\n{text}"
        else:
            turns.append({"role": "user", "content": text})


def encode(segments: Sequence[Segment], tokenizer: Tokenizer) -> Encoded:
    """Tokenise a prompt segment by segment; the same code at run time and for training.

    The end token behind a model's turn counts as its own: it is what it generates last.
    """
    ids: list[int] = []
    own: list[bool] = []
    after_own = False
    for segment in segments:
        special = segment.kind == "template"
        tokens = list(segment.token_ids) if segment.token_ids is not None else tokenizer.tokenize(segment.text, special=special)
        flags = [segment.kind == "own"] * len(tokens)
        if special and after_own and tokens and tokens[0] in tokenizer.end_tokens:
            flags[0] = True
        ids += tokens
        own += flags
        after_own = segment.kind == "own"
    return Encoded(ids=ids, own=own)
