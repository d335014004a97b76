"""A LangChain chat model on llama.cpp whose steps are true to a grammar.

With tools bound, every message is a call of a bound tool with arguments of its schema, or an answer, at any token limit;
an answer cites only passages that stand in the conversation, with quotes that are literally in them.
"""

import asyncio
import contextlib
import functools
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import LanguageModelInput
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import Field, PrivateAttr

from agentkit.contract import ANSWER, ToolSpec, unanswerable
from agentkit.errors import ModelFileError, UsageError
from agentkit.models.context import Context
from agentkit.models.decoding import Bounds, Sampling, generate
from agentkit.models.dialect import Dialect, Encoded, PlainDialect, encode
from agentkit.models.grammar import MAX_CALLS, check_schema
from agentkit.models.native import NativeDialect
from agentkit.models.refusal import Refusal
from agentkit.models.seat import Seat, open_seat
from agentkit.models.structured import read_schema, value_reader
from agentkit.models.template import FALLBACK, ChatTemplate, TemplateError
from agentkit.models.turn import Writer, call_bounds, call_costs, call_ids, finish, shown_passages
from agentkit.models.weights import Weights, file_fingerprint, open_weights

__all__ = ["ChatLlamaCpp", "tool_specs"]

DEFAULT_MAX_TOKENS = 512
DEFAULT_N_CTX = 8192


def tool_specs(tools: Sequence[Mapping[str, Any]]) -> list[ToolSpec]:
    """Tools in OpenAI's form as the contract shows them."""
    return [
        ToolSpec(
            name=tool["function"]["name"],
            description=tool["function"].get("description", ""),
            parameters=tool["function"].get("parameters") or {},
        )
        for tool in tools
    ]


class ChatLlamaCpp(BaseChatModel):
    """A GGUF model in this process.

    Args are the fields below, under their usual names. Weights are loaded at the first use and shared by all models on the
    same file; the KV cache is shared by those with the same settings.

    Raises:
        ModelFileError: model or adapter cannot be loaded.
        ContextOverflowError: the prompt does not fit.
    """

    model_path: Path
    """The GGUF file."""
    adapter: Path | None = None
    """A GGUF LoRA."""
    adapter_scale: float = 1.0
    n_ctx: int | None = Field(default=None, ge=64)
    """Context window in tokens; by default the model's own, at most 8,192."""
    n_gpu_layers: int = 0
    """Layers on the GPU, -1 for all (needs a GPU build of llama-cpp-python)."""
    n_threads: int | None = Field(default=None, ge=1)
    type_k: str = "f16"
    type_v: str = "f16"
    """Types of the KV cache: f32, f16, q8_0, q4_0 ..."""
    max_tokens: int | None = Field(default=None, ge=1)
    """Tokens of one turn at most; 512 by default."""
    temperature: float = Field(default=0.0, ge=0)
    top_k: int = Field(default=40, ge=0)
    top_p: float = Field(default=0.95, gt=0, le=1)
    min_p: float = Field(default=0.05, ge=0, le=1)
    repeat_penalty: float = Field(default=1.0, gt=0)
    seed: int | None = None
    stop: list[str] | None = None
    thoughts: bool = True
    """Whether a free thought may come before a call or an answer."""
    refusal_threshold: float = Field(default=0.0, ge=0, le=1)
    """Probability below which "The documents don't say." is not begun where passages were shown; 0: as the model likes."""

    supports_withholding: bool = True
    """`bind_tools(..., withheld=names)` keeps tools in the prompt and out of the grammar."""

    takes_any_schema: bool = True
    """`with_structured_output` takes schemas without a title, and of what is no object."""

    separates_thoughts: bool = True
    """A thought never stands in `content`: text there is answer text."""
    default_max_tokens: int = DEFAULT_MAX_TOKENS
    """What holds where `max_tokens` is not set."""
    enforces_limit: bool = True
    """`max_tokens` is kept to the token."""

    _seat: Seat | None = PrivateAttr(default=None)

    @property
    def _llm_type(self) -> str:
        return "agentkit-llama-cpp"

    @property
    def _identifying_params(self) -> Mapping[str, Any]:
        names = (
            "adapter_scale", "n_ctx", "max_tokens", "temperature", "top_k", "top_p", "min_p", "repeat_penalty", "seed", "stop",
            "refusal_threshold",
        )  # fmt: skip
        return {
            "model": self.model_path.name,
            "adapter": self.adapter.name if self.adapter else None,
            **{name: getattr(self, name) for name in names},
        }

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> Any:
        return {**super()._get_ls_params(stop=stop, **kwargs), "ls_provider": "agentkit", "ls_model_name": self.model_path.name}

    # ------------------------------------------------------------------ the engine
    @property
    def context(self) -> Context:
        """The llama.cpp context; made at the first use."""
        return self._open().context

    @property
    def weights(self) -> Weights:
        """The weights; loaded at the first use."""
        return self.context.weights

    @property
    def fingerprint(self) -> str:
        """Identity of weights, adapter and scale."""
        adapter = f"+{file_fingerprint(self.adapter)}@{self.adapter_scale}" if self.adapter else ""
        return f"{self.weights.fingerprint}{adapter}"

    @property
    def dialect(self) -> Dialect:
        """How conversations become prompts of this model: native where its template proves fit for it, else plain."""
        return self._dialect()[0]

    @property
    def dialect_reason(self) -> str:
        """Why the dialect is the one that it is."""
        return self._dialect()[1]

    def _dialect(self) -> tuple[Dialect, str]:
        weights, fingerprint = self.weights, self.fingerprint

        def chosen() -> tuple[Dialect, str]:
            template = ChatTemplate(weights.template or FALLBACK, weights.special("bos"), weights.special("eos"), today=None)
            if not weights.template:
                return PlainDialect(template, fingerprint=fingerprint), "the model carries no chat template"
            try:
                return NativeDialect(template, weights, fingerprint=fingerprint), "its template carries tools, calls and results"
            except TemplateError as error:
                return PlainDialect(template, fingerprint=fingerprint), str(error)

        return weights.remember(("dialect", fingerprint), chosen)

    def count_tokens(self, text: str) -> int:
        """How many tokens a text has for this model."""
        return len(self.weights.tokenize(text))

    def get_num_tokens(self, text: str) -> int:
        """How many tokens a text has for this model."""
        return self.count_tokens(text)

    def get_token_ids(self, text: str) -> list[int]:
        """The token ids of a text."""
        return self.weights.tokenize(text)

    def get_num_tokens_from_messages(self, messages: Sequence[BaseMessage], tools: Sequence[Any] | None = None) -> int:
        """How many tokens a conversation has as a prompt, tools included."""
        return len(self.prompt(messages, tools or ()).ids)

    def call_costs(self, tools: Sequence[Any]) -> dict[str, int]:
        """Tokens that the shortest call of each tool takes; from there upward a forced call always completes."""
        return call_costs(self.weights, self.dialect, tool_specs([convert_to_openai_tool(tool) for tool in tools]))

    def window(self) -> int:
        """The context window in tokens."""
        return self.context.n_ctx

    def _open(self) -> Seat:
        if self._seat is None:
            if self.adapter and not self.adapter.is_file():
                raise ModelFileError(f"there is no adapter file {str(self.adapter)!r}: give the path of a GGUF LoRA")
            weights = open_weights(self.model_path, n_gpu_layers=self.n_gpu_layers)
            n_ctx = self.n_ctx or min(weights.n_ctx_train or DEFAULT_N_CTX, DEFAULT_N_CTX)
            self._seat = open_seat(weights, n_ctx=n_ctx, n_threads=self.n_threads, type_k=self.type_k, type_v=self.type_v)
        return self._seat

    # ------------------------------------------------------------------ tools
    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: str | bool | dict[str, Any] | None = None,
        withheld: Sequence[str] = (),
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Let the model call tools.

        Args:
            tools: what may be called, in any form that LangChain takes.
            tool_choice: "auto" (default), "any" or "required" (some call), "none" (an answer), or a tool's name.
            withheld: names that stay in the prompt but cannot be called now.
            kwargs: bound as they are.

        Raises:
            UsageError: a schema that cannot become a grammar, or a choice that names no tool.
        """
        formatted = [convert_to_openai_tool(tool) for tool in tools]
        specs = tool_specs(formatted)
        for place, spec in enumerate(specs):
            check_schema(spec)
            if any(spec.name == other.name for other in specs[:place]):
                raise UsageError(f"two tools are named {spec.name!r}: give one of them another name")
        choice = _choice(tool_choice, [spec.name for spec in specs])
        return super().bind(tools=formatted, tool_choice=choice, withheld=tuple(withheld), **kwargs)

    def with_structured_output(
        self, schema: dict[str, Any] | type, *, include_raw: bool = False, **kwargs: Any
    ) -> Runnable[LanguageModelInput, Any]:
        """The model with answers of a given type: objects of a Pydantic model, else plain data.

        Args:
            schema: a Pydantic model, a TypedDict or a JSON Schema; what it describes need be no object, and it needs no title.
            include_raw: give `{"raw": message, "parsed": answer, "parsing_error": error}` and raise nothing for what came.
            kwargs: `method` and `strict` are taken and change nothing: the grammar always holds.

        Raises:
            UsageError: a schema that cannot become a grammar.

        The runnable raises `ModelError` (a Pydantic model its own `ValidationError`) where what came does not fit the schema in
        something that a grammar cannot hold, or where the limit of tokens is below the shortest answer.
        """
        unknown = sorted(kwargs.keys() - {"method", "strict"})
        if unknown:
            raise UsageError(f"with_structured_output has no option {unknown[0]!r}: allowed are include_raw, method, strict")
        output = read_schema(schema)
        told = output.titled() if isinstance(schema, dict) and "title" not in schema else schema
        bound = self.bind_tools(
            [output.tool()], tool_choice="any", parallel_tool_calls=False, ls_structured_output_format={"kwargs": {}, "schema": told}
        )
        return bound | value_reader(output, include_raw=include_raw)

    # ------------------------------------------------------------------ prompts
    def prompt(self, messages: Sequence[BaseMessage], tools: Sequence[Any] = ()) -> Encoded:
        """The prompt as token ids, exactly as it is sent."""
        specs = tool_specs([convert_to_openai_tool(tool) for tool in tools])
        encoded = encode(self.dialect.render(messages, specs or None), self.weights)
        return self._with_bos(encoded)

    def prompt_text(self, messages: Sequence[BaseMessage], tools: Sequence[Any] = ()) -> str:
        """The prompt as text, exactly as it is sent, control tokens included."""
        return self.weights.detokenize(self.prompt(messages, tools).ids).decode("utf-8", "replace")

    def _with_bos(self, encoded: Encoded) -> Encoded:
        weights = self.weights
        bos = weights.tokenize(weights.special("bos"), special=True)
        if not (weights.adds_bos and bos) or encoded.ids[: len(bos)] == bos:
            return encoded
        return Encoded(ids=[*bos, *encoded.ids], own=[False] * len(bos) + encoded.own)

    # ------------------------------------------------------------------ generation
    def _run(
        self,
        messages: Sequence[BaseMessage],
        stop: list[str] | None,
        emit: Callable[[AIMessageChunk], None],
        cancelled: threading.Event,
        options: Mapping[str, Any],
    ) -> AIMessage:
        tools = options.get("tools") or []
        specs = tool_specs(tools)
        prompt = self.prompt(messages, tools).ids
        withheld = set(options.get("withheld", ()))
        open_tools = [spec for spec in specs if spec.name not in withheld]
        shown = shown_passages(messages) if specs else {}
        grammar = self._grammar(open_tools, options, shown) if specs else None
        stop = [stop] if isinstance(stop, str) else stop or self.stop or []
        writer = Writer(parse=self.dialect.parse if specs else None, stop=stop, emit=emit, call_id=call_ids(prompt))
        generated = generate(
            self.context, prompt, limit=options.get("max_tokens") or self.max_tokens or DEFAULT_MAX_TOKENS, grammar=grammar,
            sampling=self._sampling(options), adapter=str(self.adapter) if self.adapter else None, scale=self.adapter_scale,
            bounds=self._bounds(open_tools, options) if specs else None, refusal=self._refusal() if shown else None,
            cancelled=cancelled, on_tokens=writer.feed,
        )  # fmt: skip
        return finish(writer, generated, fingerprint=self.fingerprint, model_name=self.model_path.name)

    def _grammar(self, tools: Sequence[ToolSpec], options: Mapping[str, Any], passages: Mapping[int, str]) -> str:
        choice = options.get("tool_choice") or "auto"
        if choice == "auto" and not tools:
            choice = "none"
        parallel = options.get("parallel_tool_calls", True)
        calls = MAX_CALLS if parallel else 1
        return self.dialect.grammar(tools, choice=choice, passages=passages, thought=self.thoughts, max_calls=calls)

    def _bounds(self, tools: Sequence[ToolSpec], options: Mapping[str, Any]) -> Bounds:
        choice = options.get("tool_choice") or "auto"
        named = [tool for tool in tools if choice in ("auto", "any", tool.name)]
        return call_bounds(self.weights, self.dialect, named, forced=choice not in ("auto", "none"))

    def _refusal(self) -> Refusal | None:
        """Begun only where it is likely enough; known of the plain dialect, which the embedded model is trained on."""
        if self.refusal_threshold <= 0 or self.dialect.name != "plain":
            return None
        return Refusal(f"{ANSWER}{unanswerable()}".encode(), self.refusal_threshold)

    def _sampling(self, options: Mapping[str, Any]) -> Sampling:
        names = ("temperature", "top_k", "top_p", "min_p", "repeat_penalty", "seed")
        return Sampling(**{name: options.get(name, getattr(self, name)) for name in names})

    def _generate(
        self, messages: list[BaseMessage], stop: list[str] | None = None, run_manager: CallbackManagerForLLMRun | None = None, **kwargs: Any
    ) -> ChatResult:
        message = self._run(messages, stop, lambda chunk: None, threading.Event(), kwargs)
        return ChatResult(generations=[ChatGeneration(message=message)])

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        message = await self._off_thread(messages, stop, lambda chunk: None, kwargs)
        return ChatResult(generations=[ChatGeneration(message=message)])

    async def _off_thread(
        self, messages: Sequence[BaseMessage], stop: list[str] | None, emit: Callable[[AIMessageChunk], None], options: Mapping[str, Any]
    ) -> AIMessage:
        """Run in the context's own thread; a cancelled task stops the decoding at the next token."""
        loop = asyncio.get_running_loop()
        seat = await loop.run_in_executor(None, self._open)
        cancelled = threading.Event()
        run = functools.partial(self._run, messages, stop, emit, cancelled, options)
        try:
            return await loop.run_in_executor(seat.worker, run)
        finally:
            cancelled.set()

    def _stream(
        self, messages: list[BaseMessage], stop: list[str] | None = None, run_manager: CallbackManagerForLLMRun | None = None, **kwargs: Any
    ) -> Iterator[ChatGenerationChunk]:
        queue: SimpleQueue[AIMessageChunk | AIMessage | BaseException] = SimpleQueue()
        cancelled = threading.Event()
        seat = self._open()

        def work() -> None:
            try:
                queue.put(self._run(messages, stop, queue.put, cancelled, kwargs))
            except BaseException as error:
                queue.put(error)

        seat.worker.submit(work)
        try:
            while isinstance(item := queue.get(), AIMessageChunk):
                yield self._told(item, run_manager)
            if isinstance(item, BaseException):
                raise item
            yield ChatGenerationChunk(message=_last(item))
        finally:
            cancelled.set()

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        loop = asyncio.get_running_loop()
        queue: asyncio.Queue[AIMessageChunk | None] = asyncio.Queue()

        def put(chunk: AIMessageChunk) -> None:
            loop.call_soon_threadsafe(queue.put_nowait, chunk)

        task = asyncio.ensure_future(self._off_thread(messages, stop, put, kwargs))
        task.add_done_callback(lambda _: queue.put_nowait(None))
        try:
            while (chunk := await queue.get()) is not None:
                generation = ChatGenerationChunk(message=chunk)
                if run_manager and chunk.content:
                    await run_manager.on_llm_new_token(str(chunk.content), chunk=generation)
                yield generation
            yield ChatGenerationChunk(message=_last(await task))
        finally:
            if not task.done():
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task

    @staticmethod
    def _told(chunk: AIMessageChunk, run_manager: CallbackManagerForLLMRun | None) -> ChatGenerationChunk:
        generation = ChatGenerationChunk(message=chunk)
        if run_manager and chunk.content:
            run_manager.on_llm_new_token(str(chunk.content), chunk=generation)
        return generation


def _last(message: AIMessage) -> AIMessageChunk:
    """The chunk that closes a stream: nothing more to read, but ids, reason and usage."""
    return AIMessageChunk(
        content="", response_metadata=message.response_metadata, usage_metadata=message.usage_metadata, chunk_position="last"
    )


def _choice(choice: str | bool | dict[str, Any] | None, names: Sequence[str]) -> str:
    if isinstance(choice, dict):
        choice = choice.get("function", choice).get("name", "auto")
    if choice in (None, "auto", False):
        return "auto"
    if choice in ("any", "required", True):
        return "any"
    if choice == "none":
        return "none"
    if choice not in names:
        raise UsageError(f"tool_choice is {choice!r}: allowed are 'auto', 'any', 'none' and the names {list(names)}")
    return str(choice)
