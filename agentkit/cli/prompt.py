"""The prompt of a question: the agent runs as ever, on a model that keeps what it is sent and says nothing."""

import json
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, BaseMessage, convert_to_openai_messages
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from pydantic import PrivateAttr

from agentkit.errors import AgentkitError
from agentkit.graphs.tokens import counter_of, window_of

if TYPE_CHECKING:
    from agentkit.agent import Agent

__all__ = ["PromptReader", "prompt_of"]


class _Sent(AgentkitError):
    """Ends the run once the first prompt is known."""

    def __init__(self, text: str) -> None:
        super().__init__("the prompt was shown")
        self.text = text


class PromptReader(BaseChatModel):
    """Stands in for a model; asked anything, it ends the run with the text that the model would have been sent."""

    supports_withholding: bool = False
    max_tokens: int | None = None
    _inner: BaseChatModel = PrivateAttr()

    def __init__(self, inner: BaseChatModel) -> None:
        own = getattr(inner, "max_tokens", None)
        super().__init__(
            supports_withholding=bool(getattr(inner, "supports_withholding", False)), max_tokens=own if isinstance(own, int) else None
        )
        self._inner = inner

    @property
    def _llm_type(self) -> str:
        return "prompt-reader"

    def count_tokens(self, text: str) -> int:
        """As the model counts."""
        return counter_of(self._inner)(text)

    def window(self) -> int | None:
        """The model's context window."""
        return window_of(self._inner)

    def bind_tools(self, tools: Sequence[Any], **options: Any) -> Runnable[LanguageModelInput, AIMessage]:
        """Bind as the model binds."""
        return self.bind(bound=self._inner.bind_tools(tools, **options))

    def _generate(
        self, messages: list[BaseMessage], stop: list[str] | None = None, run_manager: CallbackManagerForLLMRun | None = None, **kwargs: Any
    ) -> ChatResult:
        bound = kwargs.pop("bound", None)
        raise _Sent(_written(self._inner, messages, {**kwargs, **getattr(bound, "kwargs", {})}))

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        self._generate(messages, stop, None, **kwargs)
        yield  # type: ignore[misc]


def prompt_of(agent: "Agent", question: str) -> str:
    """What the first step of an agent on a `PromptReader` would send.

    Raises:
        AgentkitError: The run ended before the model was asked.
    """
    try:
        agent.ask(question)
    except _Sent as sent:
        return sent.text
    raise AgentkitError("the run ended before the model was asked: nothing would be sent")


def _written(model: Any, messages: Sequence[BaseMessage], options: dict[str, Any]) -> str:
    """A local model's text with its control tokens, an endpoint's request as JSON."""
    if hasattr(model, "prompt_text"):
        return str(model.prompt_text(messages, options.get("tools") or ()))
    if hasattr(model, "_get_request_payload"):
        request = model._get_request_payload(list(messages), **options)
    else:
        request = {"messages": convert_to_openai_messages(list(messages)), **options}
    return json.dumps(request, ensure_ascii=False, indent=2, default=str)
