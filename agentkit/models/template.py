"""A chat template and what it can do: rendered in a sandbox, probed rather than believed."""

import datetime
import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agentkit.errors import ModelError

__all__ = ["ChatTemplate", "TemplateError"]

FALLBACK = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
"""ChatML, for models that carry no template of their own."""


class TemplateError(ModelError):
    """A chat template refuses a conversation or cannot be read."""


@dataclass(frozen=True)
class ChatTemplate:
    """The chat template of a model.

    Args:
        source: Jinja; rendered in a sandbox that allows no attribute of Python's internals.
        bos: text of the token that begins a prompt.
        eos: text of the token that ends a turn.
        today: what templates that print a date are told; frozen, so that a prompt does not change at midnight.
    """

    source: str
    bos: str = ""
    eos: str = ""
    today: datetime.datetime = datetime.datetime(2026, 1, 1)

    @functools.cached_property
    def _environment(self) -> Any:
        from jinja2 import TemplateSyntaxError
        from llama_cpp.llama_chat_format import Jinja2ChatFormatter

        try:
            return Jinja2ChatFormatter(template=self.source, eos_token=self.eos, bos_token=self.bos)._environment
        except TemplateSyntaxError as error:
            raise TemplateError(f"the model's chat template cannot be read: {error}") from error

    def render(
        self, messages: Sequence[Mapping[str, Any]], *, tools: Sequence[Mapping[str, Any]] | None = None, generation: bool = True
    ) -> str:
        """The conversation as text.

        Raises:
            TemplateError: the template refuses these messages.
        """
        from jinja2 import TemplateError as JinjaError

        def refuse(message: str) -> None:
            raise TemplateError(f"the model's chat template refuses this conversation: {message}")

        try:
            return str(
                self._environment.render(
                    messages=[dict(message) for message in messages],
                    tools=list(tools) if tools else None,
                    add_generation_prompt=generation,
                    bos_token=self.bos,
                    eos_token=self.eos,
                    raise_exception=refuse,
                    strftime_now=self.today.strftime,
                )
            )
        except TemplateError:
            raise
        except (JinjaError, TypeError, ValueError, KeyError, AttributeError, IndexError) as error:
            raise TemplateError(f"the model's chat template fails on this conversation: {type(error).__name__}: {error}") from error

    def accepts(self, *roles: str) -> bool:
        """Whether a conversation of these roles can be rendered with nothing lost."""
        messages = [{"role": role, "content": f"probe{index}x"} for index, role in enumerate(roles)]
        try:
            text = self.render(messages)
        except TemplateError:
            return False
        return all(f"probe{index}x" in text for index in range(len(roles)))
