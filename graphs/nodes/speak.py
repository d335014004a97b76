"""One turn of the model: stream it, bound it in time and length, and give back a whole message."""

import asyncio
import contextlib
import hashlib
import json
import string
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, AIMessageChunk, AnyMessage, ToolCall
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool

from agentkit.errors import AgentkitError, ModelError
from agentkit.state import text_of

__all__ = ["Request", "Spoken", "bind", "call_id", "settle", "speak"]

HELD_BACK = 400
"""Characters of text that wait for a call behind them, where the model may write its thought as text."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """What is asked of the model in one step, messages apart."""

    tools: Sequence[BaseTool]
    withheld: Sequence[str] = ()
    answer_only: bool = False
    """No call is allowed: the answer is forced."""
    limit: int | None = None
    """Tokens that it may write."""
    until: float | None = None
    """Monotonic time at which it is cut off."""


@dataclass(frozen=True, kw_only=True)
class Spoken:
    """What the model said."""

    message: AIMessage
    cut: str = ""
    """`max_tokens` or `max_seconds` where it was cut off."""
    pieces: int = 0
    """Pieces that arrived: a count of tokens for models that report no usage."""


def bind(model: BaseChatModel, request: Request, bound: dict[Any, Any]) -> Runnable[LanguageModelInput, Any]:
    """The model with the tools, the choice and the limit of a step bound to it; `bound` keeps what was bound before.

    Raises:
        ModelError: it can't call tools.
    """
    key = (request.answer_only, tuple(request.withheld))
    if key not in bound:
        try:
            bound[key] = _with_tools(model, request)
        except NotImplementedError as error:
            raise ModelError(f"{type(model).__name__} can't call tools: use a model that can, or Agent(tools=[])") from error
    runnable: Runnable[LanguageModelInput, Any] = bound[key]
    if request.limit is None or not hasattr(model, "max_tokens"):
        return runnable
    own = model.max_tokens or getattr(model, "default_max_tokens", None)
    return runnable.bind(max_tokens=min(request.limit, own) if isinstance(own, int) and own > 0 else request.limit)


def _with_tools(model: BaseChatModel, request: Request) -> Runnable[LanguageModelInput, Any]:
    withholds = bool(getattr(model, "supports_withholding", False))
    tools = list(request.tools) if withholds else [tool for tool in request.tools if tool.name not in request.withheld]
    if withholds:
        choice = "none" if request.answer_only or not tools else "auto"
        return model.bind_tools(tools, tool_choice=choice, withheld=tuple(request.withheld))
    if not tools:
        return model
    if request.answer_only:
        # an integration that does not know this choice is asked without it; calls that it makes then are dropped
        with contextlib.suppress(TypeError, ValueError):
            return model.bind_tools(tools, tool_choice="none")
    return model.bind_tools(tools)


async def speak(
    model: BaseChatModel, prompt: Sequence[AnyMessage], request: Request, on_text: Callable[[str], None], *, bound: dict[Any, Any]
) -> Spoken:
    """Ask the model once.

    Args:
        model: any chat model.
        prompt: the messages, system text first.
        request: tools and limits.
        on_text: called with pieces of answer text as they come.
        bound: keeps the model with its tools from step to step.

    Raises:
        ModelError: the model or its endpoint failed, whatever it raised.
    """
    heard: list[Any] = []
    cut = ""
    listener = _Listener(on_text, at_once=request.answer_only or not request.tools or bool(getattr(model, "separates_thoughts", False)))
    try:
        async with asyncio.timeout_at(request.until):
            cut = await _listen(bind(model, request, bound).astream(list(prompt)), _limit(model, request), heard, listener)
    except TimeoutError as error:
        if request.until is None or asyncio.get_running_loop().time() < request.until:
            raise ModelError(f"the model timed out: {error or 'no reason given'}") from error
        cut = "max_seconds"
    except AgentkitError:
        raise
    except Exception as error:
        raise ModelError(f"the model failed with {type(error).__name__}: {error}") from error
    message = _whole(heard)
    if not cut and message.response_metadata.get("finish_reason") == "length":
        cut = "max_tokens"
    if cut:
        calls = message.tool_calls if cut == "max_tokens" else []
        message = message.model_copy(update={"tool_calls": calls, "invalid_tool_calls": []})
    if not message.tool_calls and not message.invalid_tool_calls:
        listener.release()
    return Spoken(message=message, cut=cut, pieces=len(heard))


class _Listener:
    """Passes answer text on; where text may turn out to be a thought before a call, the beginning waits."""

    def __init__(self, on_text: Callable[[str], None], *, at_once: bool) -> None:
        self._on_text, self._at_once = on_text, at_once
        self._held: list[str] = []
        self._silent = False

    def hear(self, piece: Any) -> None:
        if getattr(piece, "tool_call_chunks", None) or piece.tool_calls:
            self._silent = True
        if text := text_of(piece):
            self._held.append(text)
        if not self._silent and (self._at_once or sum(map(len, self._held)) > HELD_BACK):
            self._at_once = True
            self.release()

    def release(self) -> None:
        for text in self._held:
            self._on_text(text)
        self._held = []


def _limit(model: BaseChatModel, request: Request) -> int | None:
    """Pieces after which a model is cut off that doesn't keep its limit of tokens itself."""
    return None if getattr(model, "enforces_limit", False) else request.limit


async def _listen(stream: AsyncIterator[Any], limit: int | None, heard: list[Any], listener: _Listener) -> str:
    """Take in what comes, into `heard`, which keeps it if the time runs out; "max_tokens" where it was more than the limit."""
    async for piece in stream:
        heard.append(piece)
        listener.hear(piece)
        if limit is not None and len(heard) > limit:
            await _close(stream)
            return "max_tokens"
    return ""


async def _close(stream: AsyncIterator[Any]) -> None:
    closing = getattr(stream, "aclose", None)
    if closing is not None:
        await closing()


def _whole(pieces: list[Any]) -> AIMessage:
    """A message of the pieces; a call whose arguments aren't a JSON object is an invalid one, never a repaired one."""
    if not pieces:
        return AIMessage("")
    piece: AIMessageChunk | AIMessage = pieces[0] + pieces[1:] if len(pieces) > 1 else pieces[0]
    fields: dict[str, Any] = {
        "content": piece.content,
        "additional_kwargs": {key: value for key, value in piece.additional_kwargs.items() if key != "tool_calls"},
        "response_metadata": piece.response_metadata,
        "usage_metadata": piece.usage_metadata,
        "id": piece.id,
    }
    chunks = piece.tool_call_chunks if isinstance(piece, AIMessageChunk) else []
    if not chunks:
        return AIMessage(tool_calls=piece.tool_calls, invalid_tool_calls=piece.invalid_tool_calls, **fields)
    calls, invalid = [], []
    for chunk in chunks:
        args = _json_object(chunk["args"] or "{}")
        if args is None or not chunk["name"]:
            problem = {"type": "invalid_tool_call", "name": chunk["name"], "args": chunk["args"], "id": chunk["id"]}
            invalid.append({**problem, "error": "not a JSON object"})
        else:
            calls.append({"type": "tool_call", "name": chunk["name"], "args": args, "id": chunk["id"]})
    return AIMessage(tool_calls=calls, invalid_tool_calls=invalid, **fields)


def _json_object(text: str) -> dict[str, Any] | None:
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def settle(message: AIMessage, *, turn: int, step: int, taken: set[str]) -> AIMessage:
    """The message under its id, with calls that all have a name, an object of arguments and an id of their own.

    A call whose arguments could not be read stays a call without arguments; the raw text stands under
    `invalid_calls` in the metadata, for the observation that says what was wrong.
    """
    calls: list[ToolCall] = []
    unreadable: dict[str, str] = {}
    for index, call in enumerate([*message.tool_calls, *message.invalid_tool_calls]):
        own = call["id"]
        if not own or own in taken:
            own = call_id(turn, step, index)
        taken.add(own)
        args = call["args"]
        if not isinstance(args, dict):
            unreadable[own] = str(args)
        calls.append(ToolCall(name=call["name"] or "", args=args if isinstance(args, dict) else {}, id=own, type="tool_call"))
    metadata = {**message.response_metadata, **({"invalid_calls": unreadable} if unreadable else {})}
    return message.model_copy(update={"id": f"{turn}.{step}", "tool_calls": calls, "invalid_tool_calls": [], "response_metadata": metadata})


def call_id(turn: int, step: int, index: int) -> str:
    """An id of nine letters and digits, the same for the same place in a run.

    >>> call_id(1, 1, 0) == call_id(1, 1, 0), len(call_id(1, 1, 0))
    (True, 9)
    """
    number = int.from_bytes(hashlib.sha256(f"{turn}.{step}.{index}".encode()).digest()[:8], "big")
    letters = string.digits + string.ascii_letters
    return "".join(letters[number // len(letters) ** place % len(letters)] for place in range(9))
