"""A chat template and what it can do: rendered in a sandbox, probed rather than believed."""

import datetime
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agentkit.errors import ModelError

__all__ = ["FALLBACK", "ChatTemplate", "TemplateError"]

_MOST_CHARACTERS = 4_000_000
_MOST_ROUNDS = 100_000
"""What a rendering may write, and how often its counted loops may go round: templates come with a file from elsewhere."""

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
        today: the date that is printed where a conversation does not say when it began; None for the day on which it is rendered.
    """

    source: str
    bos: str = ""
    eos: str = ""
    today: datetime.datetime | None = datetime.datetime(2026, 1, 1)

    @functools.cached_property
    def _template(self) -> Any:
        from jinja2 import TemplateSyntaxError
        from llama_cpp.llama_chat_format import Jinja2ChatFormatter

        # An empty template first: constants are multiplied while a template is compiled.
        environment: Any = Jinja2ChatFormatter(template="", eos_token=self.eos, bos_token=self.bos)._environment.environment
        environment.intercepted_binops, environment.call_binop = frozenset({"*", "**"}), _bounded_product
        try:
            return environment.from_string(self.source)
        except (TemplateSyntaxError, RecursionError) as error:
            raise TemplateError(f"the model's chat template cannot be read: {error}") from error

    def render(
        self,
        messages: Sequence[Mapping[str, Any]],
        *,
        tools: Sequence[Mapping[str, Any]] | None = None,
        generation: bool = True,
        start: str | None = None,
    ) -> str:
        """The conversation as text.

        Args:
            messages: turns as templates take them.
            tools: in OpenAI's form.
            generation: whether the beginning of the next turn is written.
            start: when the conversation began, in ISO form: the date of a template that prints one, so that no prompt changes
                at midnight.

        Raises:
            TemplateError: the template refuses these messages, or does not come to an end.

        >>> ChatTemplate(FALLBACK).render([{"role": "user", "content": "Hello"}])
        '<|im_start|>user\\nHello<|im_end|>\\n<|im_start|>assistant\\n'
        """
        values = {
            "messages": [dict(message) for message in messages],
            "add_generation_prompt": generation,
            "bos_token": self.bos,
            "eos_token": self.eos,
            "raise_exception": _refuse,
            "strftime_now": self._date(start).strftime,
        }
        if tools:
            return self._render({**values, "tools": list(tools)})
        try:
            return self._render({**values, "tools": None})
        except TemplateError as error:
            if "NoneType" not in str(error):
                raise
            return self._render({**values, "tools": []})  # templates for tools only loop over them unasked

    def _date(self, start: str | None) -> datetime.datetime:
        if start is not None:
            return datetime.datetime.fromisoformat(start)
        return self.today or datetime.datetime.combine(datetime.date.today(), datetime.time())

    def _render(self, values: Mapping[str, Any]) -> str:
        from jinja2 import TemplateError as JinjaError

        template = self._template
        values = {**values, "range": _bounded_range()}
        try:
            return _joined(template.generate(**values))
        except TemplateError:
            raise
        except (JinjaError, TypeError, ValueError, LookupError, AttributeError, ArithmeticError, RecursionError, MemoryError) as error:
            raise TemplateError(f"the model's chat template fails on this conversation: {type(error).__name__}: {error}") from error

    def accepts(self, *roles: str) -> bool:
        """Whether a conversation of these roles can be rendered, each turn once and in its place."""
        marks = [f"probe{index}x" for index in range(len(roles))]
        try:
            text = self.render([{"role": role, "content": mark} for role, mark in zip(roles, marks, strict=True)])
        except TemplateError:
            return False
        places = [text.find(mark) for mark in marks]
        return places == sorted(places) and all(text.count(mark) == 1 for mark in marks)


def _refuse(message: str) -> None:
    raise TemplateError(f"the model's chat template refuses this conversation: {message}")


def _joined(pieces: Iterator[str]) -> str:
    text: list[str] = []
    size = 0
    for piece in pieces:
        text.append(piece)
        size += len(piece)
        if size > _MOST_CHARACTERS:
            raise TemplateError(f"the model's chat template writes more than {_MOST_CHARACTERS} characters")
    return "".join(text)


def _bounded_range() -> Callable[..., range]:
    """Python's `range`, until the rounds of all loops of a rendering together are too many."""
    left = [_MOST_ROUNDS]

    def bounded(*bounds: int) -> range:
        rounds = range(*bounds)
        left[0] -= len(rounds)
        if left[0] < 0:
            raise TemplateError(f"the model's chat template loops more than {_MOST_ROUNDS} times")
        return rounds

    return bounded


def _bounded_product(_context: Any, operator: str, left: Any, right: Any) -> Any:
    """`*` and `**`, but for what would fill the memory."""
    if operator == "**" or not isinstance(left, (int, float)) or not isinstance(right, (int, float)):
        size = max((len(side) if hasattr(side, "__len__") else abs(side) for side in (left, right)), default=0)
        if size > _MOST_ROUNDS:
            raise TemplateError(f"the model's chat template multiplies something by {size}")
    return left**right if operator == "**" else left * right
