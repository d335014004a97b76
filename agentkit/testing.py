"""For tests of agents: a model that says what a script tells it."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable, RunnableLambda
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import PrivateAttr

__all__ = ["ScriptedModel", "ScriptedRequest"]

_WORD = re.compile(r"\w{1,12}|[^\w\s]")
_PIECE = re.compile(r"\s*\S+\s*$|\s*\S+")


@dataclass(frozen=True, kw_only=True)
class ScriptedRequest:
    """What the model was asked."""

    messages: list[BaseMessage]
    tools: list[str] = field(default_factory=list)
    """Names of the tools that were bound."""
    tool_choice: Any = None
    withheld: tuple[str, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)
    """Everything else that was bound, such as `max_tokens`."""


def count_words(text: str) -> int:
    """The tokens of a text for a `ScriptedModel`: words of up to 12 characters, and other characters.

    >>> count_words("Open, Sesame!")
    4
    """
    return len(_WORD.findall(text))


class ScriptedModel(BaseChatModel):
    """A chat model that gives the outputs of a list, one a request, and keeps what it was asked in `requests`.

    An output is an answer (a string), a call (`{"name": ..., "args": {...}}`, with `"thought"` if wanted), several calls
    at once (a list of such), an `AIMessage`, an exception, which is raised, or a function of the messages that returns one
    of these. In place of the list there may be one function for all requests, or any iterable, an endless one too.

    Raises:
        AssertionError: it is asked once more after its last output.

    >>> model = ScriptedModel([{"name": "add", "args": {"a": 1, "b": 2}}, "3"])
    >>> model.invoke("1 + 2?").tool_calls[0]["args"]
    {'a': 1, 'b': 2}
    >>> model.invoke("and?").content
    '3'
    >>> model.assert_done()
    """

    n_ctx: int | None = None
    """Context window in tokens of `tokenizer`; none by default."""
    max_tokens: int | None = None
    """Tokens of an output at most; a longer answer is cut, a longer call is not made."""
    default_max_tokens: int = 1_000_000
    """Where `max_tokens` is not given: high, so that the limits of an agent's budget reach the script."""
    tokenizer: Callable[[str], int] = count_words
    """Counts the tokens of a text."""
    supports_withholding: bool = True
    """Whether it takes `withheld=` as the local models do; else withheld tools are not bound at all."""
    parallel_runs: int = 1
    """Questions of a batch that are asked at the same time."""

    _outputs: Iterator[Any] = PrivateAttr()
    _requests: list[ScriptedRequest] = PrivateAttr(default_factory=list)

    def __init__(self, outputs: Iterable[Any] | Callable[[list[BaseMessage]], Any] = (), **fields: Any) -> None:
        super().__init__(**fields)
        self._outputs = _forever(outputs) if callable(outputs) else iter(outputs)

    @property
    def requests(self) -> list[ScriptedRequest]:
        """What was asked so far."""
        return self._requests

    def assert_done(self) -> None:
        """Complain about outputs that were never asked for.

        Raises:
            AssertionError: there are some.
        """
        left = list(self._outputs)
        if left:
            raise AssertionError(f"the script has {len(left)} outputs left after {len(self._requests)} requests: {left!r}")

    def count_tokens(self, text: str) -> int:
        """How many tokens a text has."""
        return self.tokenizer(text)

    def get_num_tokens(self, text: str) -> int:
        """How many tokens a text has."""
        return self.tokenizer(text)

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(
        self, tools: Sequence[Any], *, tool_choice: Any = None, withheld: Sequence[str] = (), **options: Any
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Offer tools; the script decides what is done with them."""
        formatted = [convert_to_openai_tool(tool) for tool in tools]
        return self.bind(tools=formatted, tool_choice=tool_choice, withheld=tuple(withheld), **options)

    def with_structured_output(self, schema: Any, *, include_raw: bool = False, **options: Any) -> Runnable[LanguageModelInput, Any]:
        """The next output, a string of JSON, as an object of `schema`."""

        def parse(message: AIMessage) -> Any:
            try:
                value = json.loads(str(message.content))
                parsed = schema.model_validate(value) if hasattr(schema, "model_validate") else value
            except ValueError as error:
                if not include_raw:
                    raise
                return {"raw": message, "parsed": None, "parsing_error": error}
            return {"raw": message, "parsed": parsed, "parsing_error": None} if include_raw else parsed

        return self.bind(schema=schema, **options) | RunnableLambda(parse)

    def _next(self, messages: list[BaseMessage], options: dict[str, Any]) -> AIMessage:
        tools = options.pop("tools", None) or []
        request = ScriptedRequest(
            messages=list(messages), tools=[tool["function"]["name"] for tool in tools], tool_choice=options.pop("tool_choice", None),
            withheld=options.pop("withheld", ()), options=options,
        )  # fmt: skip
        self._requests.append(request)
        try:
            output = next(self._outputs)
        except StopIteration:
            last = messages[-1].content if messages else ""
            asked = f"request {len(self._requests)}, whose last message is {str(last)[:200]!r}"
            raise AssertionError(f"the script has no output for {asked}: add one to the list") from None
        while callable(output) and not isinstance(output, type):
            output = output(list(messages))
        if isinstance(output, BaseException) or (isinstance(output, type) and issubclass(output, BaseException)):
            raise output
        return self._finished(_message(output), request)

    def _finished(self, message: AIMessage, request: ScriptedRequest) -> AIMessage:
        """Cut to the limit, and with usage, as a real model would report it."""
        limit = request.options.get("max_tokens") or self.max_tokens
        reason = "stop"
        if limit is not None and self._written(message) > limit:
            reason = "length"
            head = self._head(str(message.content), limit)
            message = message.model_copy(update={"content": head, "tool_calls": [], "invalid_tool_calls": []})
        read = sum(self.count_tokens(str(item.content)) for item in request.messages)
        written = self._written(message)
        usage = UsageMetadata(input_tokens=read, output_tokens=written, total_tokens=read + written, input_token_details={"cache_read": 0})
        metadata = {"finish_reason": reason, "model_name": "scripted", **message.response_metadata}
        return message.model_copy(update={"usage_metadata": message.usage_metadata or usage, "response_metadata": metadata})

    def _written(self, message: AIMessage) -> int:
        calls = "".join(f"{call['name']}{json.dumps(call['args'])}" for call in message.tool_calls)
        return self.count_tokens(f"{message.content}{message.additional_kwargs.get('reasoning_content', '')}{calls}")

    def _head(self, text: str, limit: int) -> str:
        pieces = _PIECE.findall(text)
        while pieces and self.count_tokens("".join(pieces)) > limit:
            pieces.pop()
        return "".join(pieces)

    def _generate(
        self, messages: list[BaseMessage], stop: list[str] | None = None, run_manager: CallbackManagerForLLMRun | None = None, **kwargs: Any
    ) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=self._next(messages, kwargs))])

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return self._generate(messages, stop, None, **kwargs)

    def _stream(
        self, messages: list[BaseMessage], stop: list[str] | None = None, run_manager: CallbackManagerForLLMRun | None = None, **kwargs: Any
    ) -> Iterator[ChatGenerationChunk]:
        for chunk in _chunks(self._next(messages, kwargs)):
            yield ChatGenerationChunk(message=chunk)

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        for chunk in _chunks(self._next(messages, kwargs)):
            await asyncio.sleep(0)  # a real model lets others run too
            yield ChatGenerationChunk(message=chunk)


def _forever(output: Callable[[list[BaseMessage]], Any]) -> Iterator[Any]:
    while True:
        yield output


def _message(output: Any) -> AIMessage:
    if isinstance(output, AIMessage):
        return output
    if isinstance(output, str):
        return AIMessage(output)
    calls = [output] if isinstance(output, dict) else output
    if not isinstance(calls, list) or not all(isinstance(call, dict) and "name" in call for call in calls):
        allowed = "a string, a call with 'name' and 'args', a list of calls, or an AIMessage"
        raise TypeError(f"{output!r} is no output of a ScriptedModel: give {allowed}")
    thought = " ".join(call["thought"] for call in calls if call.get("thought"))
    tool_calls = [{"type": "tool_call", "name": call["name"], "args": call.get("args", {}), "id": call.get("id")} for call in calls]
    return AIMessage("", tool_calls=tool_calls, additional_kwargs={"reasoning_content": thought} if thought else {})


def _chunks(message: AIMessage) -> Iterator[AIMessageChunk]:
    """The message in pieces: thought, text a word at a time, and at the end the calls and what is known then."""
    if message.additional_kwargs:
        yield AIMessageChunk(content="", additional_kwargs=dict(message.additional_kwargs))
    for piece in _PIECE.findall(message.content) if isinstance(message.content, str) else [message.content]:
        yield AIMessageChunk(content=piece)
    calls = [
        tool_call_chunk(
            name=call["name"], id=call["id"], index=index,
            args=call["args"] if isinstance(call["args"], str) else json.dumps(call["args"], ensure_ascii=False),
        )
        for index, call in enumerate([*message.tool_calls, *message.invalid_tool_calls])
    ]  # fmt: skip
    known = {"response_metadata": message.response_metadata, "usage_metadata": message.usage_metadata}
    yield AIMessageChunk(content="", tool_call_chunks=calls, chunk_position="last", **known)
