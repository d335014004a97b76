"""One transcript that exercises every part of the prompt contract, and its hash.

The hash stands in the adapter's metadata beside the contract's number: it tells an adapter that was trained on this very
wording from one that was not.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage

from agentkit import contract
from agentkit.models.dialect import PlainDialect
from agentkit.models.template import FALLBACK, ChatTemplate

__all__ = ["golden_hash", "golden_transcript"]

_TOOLS = (
    contract.ToolSpec(
        name="search_documents",
        description="Finds passages.",
        parameters={"type": "object", "properties": {"query": {"type": "string"}}, "required": ["query"]},
    ),
    contract.ToolSpec(
        name="book",
        description="Books a table.",
        parameters={
            "type": "object",
            "properties": {
                "day": {"type": "string", "description": "YYYY-MM-DD"},
                "people": {"type": "integer"},
                "place": {"enum": ["inside", "garden"], "default": "inside"},
                "wishes": {"type": "array", "items": {"type": "string"}},
                "contact": {"type": "object", "properties": {"mail": {"type": "string"}}, "required": ["mail"]},
            },
            "required": ["day", "people"],
        },
    ),
)

_PASSAGES = (
    {"n": 1, "source": "menu.md", "location": "Prices", "text": 'Soup "of the day" | 4.50'},
    {"n": 2, "source": "rules.txt", "location": "", "text": "No dogs."},
)


def _call(name: str, **args: object) -> AIMessage:
    return AIMessage("", tool_calls=[{"name": name, "args": dict(args), "id": "a1b2c3d4e"}])


def _observation(text: str) -> ToolMessage:
    return ToolMessage(text, tool_call_id="a1b2c3d4e")


def _conversation() -> list[BaseMessage]:
    repeated = contract.render_repeated("search_documents")
    cut = f"{contract.render_result('book', 'long')}\n{contract.render_cut(812)}"
    return [
        SystemMessage(contract.render_system("Answer in English.")),
        HumanMessage("What is the soup?"),
        _call("search_documents", query="soup price"),
        _observation(contract.render_passages("search_documents", _PASSAGES)),
        AIMessage(f"4.50 {contract.write_citation(1, _PASSAGES[0]['text'])}."),  # type: ignore[arg-type]
        HumanMessage("A table for two, and the wine?"),
        AIMessage(
            "",
            tool_calls=[
                {"name": "book", "args": {"day": "2027-01-30", "people": 2}, "id": "f1b2c3d4e"},
                {"name": "search_documents", "args": {"query": "wine"}, "id": "f1b2c3d4f"},
            ],
            additional_kwargs={"reasoning_content": "Two things."},
        ),
        _observation(contract.render_error("book", "no table is free")),
        _observation(contract.render_no_passages("search_documents")),
        _call("search_documents", query="wine"),
        _observation(repeated),
        _call("book", day="2027-01-31", people=2),
        _observation(cut),
        AIMessage(contract.unanswerable()),
        HumanMessage(contract.render_compaction(3)),
    ]


class _ChatML(ChatTemplate):
    """The template `FALLBACK` without Jinja, which a replay has no other use for."""

    def accepts(self, *roles: str) -> bool:
        return True

    def render(self, messages: Sequence[Mapping[str, Any]], *, generation: bool = True, **ignored: Any) -> str:
        turns = [f"<|im_start|>{message['role']}\n{message['content']}<|im_end|>\n" for message in messages]
        return "".join([*turns, *(["<|im_start|>assistant\n"] if generation else [])])


def golden_transcript() -> str:
    """The transcript as ChatML."""
    dialect = PlainDialect(_ChatML(FALLBACK))
    return "".join(segment.text for segment in dialect.render(_conversation(), _TOOLS))


def golden_hash() -> str:
    """Its hash, 16 hexadecimal digits."""
    return hashlib.sha256(golden_transcript().encode()).hexdigest()[:16]
