"""One turn of a local model: from messages to a prompt, from tokens to a message."""

import codecs
import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, ToolMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.messages.tool import tool_call_chunk

from agentkit.contract import ToolSpec
from agentkit.models.completion import cheapest_completion
from agentkit.models.decoding import Bounds, Generated, compile_grammar
from agentkit.models.dialect import Dialect, text_hash
from agentkit.models.steps import ParsedStep, StepReader, read_arguments
from agentkit.models.weights import Weights

__all__ = ["Writer", "call_bounds", "call_costs", "call_ids", "finish", "inside_citation", "shortest_call", "shown_passages", "usage"]

CITATION_TOKENS = 160
"""Tokens that a citation takes at most; nearer to the limit a citation is only begun where it can be finished."""

_OPEN_CITATION = re.compile(r'\s?\[[0-9]{1,4}: "(?:[^"\\]|\\.)*\\?$')
_PARTIAL_CITATION = re.compile(r'\s?\[(?:[0-9]{1,4}(?:: ?(?:"(?:[^"\\]|\\.)*\\?)?)?)?$')
_LONGEST_CITATION = 4000
"""Characters from the end within which a citation that is not closed yet is looked for."""


def shown_passages(messages: Sequence[BaseMessage]) -> dict[int, str]:
    """The passages that stand in a conversation, by number: what an answer may cite."""
    passages = {}
    for message in messages:
        artifact = message.artifact if isinstance(message, ToolMessage) else None
        if isinstance(artifact, Mapping):
            passages.update({int(passage["n"]): str(passage["text"]) for passage in artifact.get("passages", ())})
    return passages


def inside_citation(text: str) -> bool:
    """Whether a step ends within a citation.

    >>> inside_citation('Answer: It is [1: "a'), inside_citation("Answer: It is")
    (True, False)
    """
    return _OPEN_CITATION.search(text) is not None


def shortest_call(weights: Weights, dialect: Dialect, tool: ToolSpec) -> tuple[str, int] | None:
    """The shortest valid call of a tool that could be found, as text, and its tokens; None where none was found."""
    grammar = dialect.grammar([tool], choice="any", passages={}, thought=False, max_calls=1)

    def found() -> tuple[str, int] | None:
        matcher = compile_grammar(weights, grammar)
        completion = cheapest_completion(matcher, weights)
        if completion is None:
            return None
        text = weights.detokenize(completion).decode("utf-8", "replace")
        return text, len(cheapest_completion(matcher, weights, [text]) or completion)

    return weights.remember(("call", grammar), found)


def call_costs(weights: Weights, dialect: Dialect, tools: Sequence[ToolSpec]) -> dict[str, int]:
    """Tokens that the shortest call of each tool takes; from this limit upward a forced call always completes."""
    return {tool.name: call[1] for tool in tools if (call := shortest_call(weights, dialect, tool))}


def call_bounds(weights: Weights, dialect: Dialect, tools: Sequence[ToolSpec], *, forced: bool = False) -> Bounds:
    """Neither calls nor citations are cut by the limit; `forced` says that a call is the only thing that may be written."""
    calls = [call for tool in tools if (call := shortest_call(weights, dialect, tool))]

    def endings(text: bytes) -> list[str]:
        begun = dialect.begun(text.decode("utf-8", "ignore"))
        return [call[len(begun) :] for call, _ in calls if call.startswith(begun)]

    def must_finish(text: bytes, room: int) -> bool:
        if not text:
            return forced
        return dialect.must_finish(text) or (room < CITATION_TOKENS and inside_citation(text.decode("utf-8", "ignore")))

    return Bounds(must_finish=must_finish, endings=endings, slack=2 * max((cost for _, cost in calls), default=0) + 128)


@dataclass
class Writer:
    """Follows the bytes of a turn and makes message chunks of them.

    What may turn out not to belong to the answer (the beginning of a stop text, a citation that is not closed yet) is held back.

    Args:
        parse: takes a step apart; None for free text.
        stop: texts that end the answer and are not part of it.
        emit: gets each chunk.
        call_id: the id of a call by its place.
    """

    parse: Callable[[str], ParsedStep] | None
    stop: Sequence[str] = ()
    emit: Callable[[AIMessageChunk], None] = lambda chunk: None
    call_id: Callable[[int], str] = str
    text: str = ""
    answer: str = ""
    """The answer so far, ended before a stop text."""
    cut: bool = False
    """Whether something that was generated is not part of the answer."""
    _decoder: Any = field(default_factory=lambda: codecs.getincrementaldecoder("utf-8")("replace"))
    _shown: int = 0

    def __post_init__(self) -> None:
        self._reader = StepReader(self.parse) if self.parse else None
        self.stop = [text for text in self.stop if text]

    def feed(self, piece: bytes) -> bool:
        """Take new bytes; return whether a stop text was met."""
        text = self._decoder.decode(piece)
        self.text += text
        parts = self._reader.feed(text) if self._reader else [("answer", text, 0)]
        return any([self._part(*part) for part in parts])  # noqa: C419 (every part must be told)

    def finish(self, *, whole: bool) -> None:
        """Show what was held back; of a turn that did not end by itself, without a citation that was only begun."""
        if self._reader and not (whole and not self.cut) and (begun := self._begun_citation()):
            self.answer, self.cut = self.answer[: begun.start()], True
        self._show(len(self.answer))

    def _begun_citation(self) -> re.Match[str] | None:
        return _PARTIAL_CITATION.search(self.answer, max(0, len(self.answer) - _LONGEST_CITATION))

    def _part(self, part: str, text: str, index: int) -> bool:
        if part == "thought":
            self.emit(AIMessageChunk(content="", additional_kwargs={"reasoning_content": text}))
        elif part == "name":
            self.emit(
                AIMessageChunk(content="", tool_call_chunks=[tool_call_chunk(name=text, args="", id=self.call_id(index), index=index)])
            )
        elif part == "args":
            self.emit(AIMessageChunk(content="", tool_call_chunks=[tool_call_chunk(name=None, args=text, id=None, index=index)]))
        else:
            return self._answered(text)
        return False

    def _answered(self, text: str) -> bool:
        searched = max(0, len(self.answer) - max((len(stop) for stop in self.stop), default=0))
        self.answer += text
        ends = [place for stop in self.stop if (place := self.answer.find(stop, searched)) >= 0]
        if ends:
            self.answer, self.cut = self.answer[: min(ends)], True
            return True
        held = max((_overlap(self.answer, stop) for stop in self.stop), default=0)
        begun = self._begun_citation() if self._reader else None
        self._show(min(len(self.answer) - held, begun.start() if begun else len(self.answer)))
        return False

    def _show(self, until: int) -> None:
        if until > self._shown:
            self.emit(AIMessageChunk(content=self.answer[self._shown : until]))
            self._shown = until


def _overlap(text: str, stop: str) -> int:
    """How much of the beginning of a stop text stands at the end of a text."""
    return next((size for size in range(min(len(stop) - 1, len(text)), 0, -1) if text.endswith(stop[:size])), 0)


def finish(writer: Writer, generated: Generated, *, fingerprint: str, model_name: str) -> AIMessage:
    """The message of a finished turn; a call that was cut is not in it, nor is a citation that was."""
    writer.finish(whole=generated.finish_reason == "stop")
    step = writer.parse(writer.text) if writer.parse else ParsedStep(answer=writer.text)
    arguments = [(index, call.name, read_arguments(call.args)) for index, call in enumerate(step.calls) if call.complete]
    calls = [{"name": name, "args": args, "id": writer.call_id(index), "type": "tool_call"} for index, name, args in arguments]
    message = AIMessage(
        content="" if calls else writer.answer,
        tool_calls=calls,
        additional_kwargs={"reasoning_content": step.thought} if step.thought else {},
        usage_metadata=usage(generated),
    )
    lost = writer.cut or len(calls) < len(step.calls)
    message.response_metadata = {
        "token_ids": generated.tokens,
        "fingerprint": fingerprint,
        # Ids that say more than the message does must not stand for it in the next prompt.
        "text_hash": "" if lost else text_hash(message),
        "finish_reason": generated.finish_reason,
        "model_name": model_name,
    }
    return message


def usage(generated: Generated) -> UsageMetadata:
    """Token counts in LangChain's form."""
    return UsageMetadata(
        input_tokens=generated.prompt_tokens,
        output_tokens=len(generated.tokens),
        total_tokens=generated.prompt_tokens + len(generated.tokens),
        input_token_details={"cache_read": generated.cached_tokens},
    )


def call_ids(prompt: Sequence[int]) -> Callable[[int], str]:
    """Call ids of 9 alphanumerics that differ with the prompt and the place, and are the same when it is run again."""
    seed = hashlib.sha256(repr(list(prompt)).encode()).hexdigest()

    def call_id(index: int) -> str:
        return hashlib.sha256(f"{seed}{index}".encode()).hexdigest()[:9]

    return call_id
