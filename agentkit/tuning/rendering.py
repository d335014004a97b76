"""From trajectories to tokens, by the code that renders and tokenises at run time."""

import functools
from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage

from agentkit import contract
from agentkit.models.dialect import PlainDialect, Segment, Tokenizer, encode
from agentkit.models.template import ChatTemplate
from agentkit.tuning.packing import Branch
from agentkit.tuning.trajectory import Exchange, Made, Trajectory

__all__ = ["Renderer", "answer_text", "to_messages"]

FROM_PASSAGES = 2.0
"""Weight of an answer behind passages: it is short, and what it takes to find it is long."""


def to_messages(trajectory: Trajectory) -> tuple[list[BaseMessage], list[float]]:
    """The messages of a conversation, and for each its weight in the loss: 0 for all that the agent does not write."""
    messages: list[BaseMessage] = [SystemMessage(contract.render_system(trajectory.instructions))]
    weights = [0.0]
    shown = 0
    for exchange in trajectory.exchanges:
        before = shown
        messages.append(HumanMessage(exchange.question))
        weights.append(0.0)
        for turn in exchange.turns:
            messages.append(_calls(turn.calls, trajectory))
            weights.append(float(turn.trained))
            for call in turn.calls:
                numbered = [{"n": shown + place + 1, **passage} for place, passage in enumerate(call.passages or ())]
                artifact = {"passages": numbered} if numbered else None
                messages.append(ToolMessage(_observation(call, numbered), tool_call_id="a1b2c3d4e", name=call.tool, artifact=artifact))
                weights.append(0.0)
                shown += len(numbered)
        messages.append(AIMessage(answer_text(exchange, before)))
        weights.append(FROM_PASSAGES if shown > before else 1.0)
    return messages, weights


def answer_text(exchange: Exchange, before: int = 0) -> str:
    """The answer with its citations in front of the last full stop; `before` passages were shown in earlier exchanges.

    >>> answer_text(Exchange(question="?", answer="It has 36 beds.", citations=[(0, "Beds: 36")]), before=2)
    'It has 36 beds [3: "Beds: 36"].'
    """
    citations = "".join(f" {contract.write_citation(before + place + 1, quote)}" for place, quote in exchange.citations)
    stop = "." if citations and exchange.answer.endswith(".") else ""
    return exchange.answer.removesuffix(stop) + citations + stop


def _calls(calls: Sequence[Made], trajectory: Trajectory) -> AIMessage:
    schemas = {tool.name: tool.parameters for tool in trajectory.tools}
    made = [{"name": call.tool, "args": _ordered(call.args, schemas.get(call.tool, {})), "id": "a1b2c3d4e"} for call in calls]
    return AIMessage("", tool_calls=made)


def _ordered(args: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments in the order of the schema, as the grammar has them written."""
    order = list(schema.get("properties", {}))
    return dict(sorted(args.items(), key=lambda item: order.index(item[0]) if item[0] in order else len(order)))


def _observation(call: Made, numbered: Sequence[Mapping[str, Any]]) -> str:
    if call.status == "hint":
        return contract.render_repeated(call.tool)
    if call.passages is not None:
        return contract.render_passages(call.tool, numbered) if numbered else contract.render_no_passages(call.tool)
    return contract.render_error(call.tool, call.text) if call.status == "error" else contract.render_result(call.tool, call.text)


class Renderer:
    """Renders trajectories for one model.

    Args:
        tokenizer: of the base model, as at run time.
        template: its chat template.
    """

    def __init__(self, tokenizer: Tokenizer, template: str) -> None:
        self.tokenizer = tokenizer
        self.dialect = PlainDialect(ChatTemplate(template))
        self._cached = _Cached(tokenizer)

    @classmethod
    def of_base(cls, path: str) -> "Renderer":
        """For the model of a GGUF file."""
        from agentkit.models.weights import open_weights

        weights = open_weights(path)
        return cls(weights, weights.template or "")

    def encode(self, trajectory: Trajectory) -> tuple[tuple[int, ...], Branch]:
        """The prefix that all conversations under the same offer share, and the conversation behind it."""
        messages, message_weights = to_messages(trajectory)
        segments = self.dialect.render(messages, trajectory.tools, generation=False)
        # the template's opening, the system text, and the template's piece up to the first question
        prefix = len(encode(segments[:3], self._cached).ids)
        own = [weight for message, weight in zip(messages, message_weights, strict=True) if isinstance(message, AIMessage)]
        ids, weights = self._tokens(segments, own)
        last = max(i for i, weight in enumerate(weights) if weight) + 1  # what the template adds behind the last turn is never read
        return tuple(ids[:prefix]), Branch(tuple(ids[prefix:last]), tuple(weights[prefix:last]))

    def _tokens(self, segments: Sequence[Segment], turns: Sequence[float]) -> tuple[list[int], list[float]]:
        """Token ids, and the weight of each: that of its turn where it is the agent's own."""
        encoded = encode(segments, self._cached)
        weights: list[float] = []
        turn, inside = -1, False
        for own in encoded.own:
            turn += own and not inside
            inside = own
            weights.append(turns[turn] if own else 0.0)
        return encoded.ids, weights


@functools.lru_cache(maxsize=4096)
def _tokenized(tokenizer: Any, text: str, special: bool) -> tuple[int, ...]:
    return tuple(tokenizer.tokenize(text, special=special))


class _Cached:
    """A tokenizer that remembers: thousands of conversations share their system texts."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        self.end_tokens = tokenizer.end_tokens

    def tokenize(self, text: str, *, special: bool = False) -> list[int]:
        return list(_tokenized(self.tokenizer, text, special))  # type: ignore[arg-type]  # compared by identity
