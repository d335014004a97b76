"""What can be checked about a draft without a model: its quotes and its numbers.

A quote that is not literally in the passage it numbers is dropped and never shown. A number that neither the question
nor an observation holds, nor follows from one by rounding or scaling, is a finding. The findings stand in
`answer.critiques`.
"""

import re
from collections.abc import Iterable, Sequence
from decimal import Decimal, InvalidOperation

from langchain_core.messages import AIMessage, AnyMessage
from langgraph.runtime import Runtime

from agentkit.answer import Citation, Critique, CritiqueNote, Passage
from agentkit.contract import parse_citations
from agentkit.graphs.parts import Node, Parts, RunContext, context_of
from agentkit.state import State, text_of

__all__ = ["check_citations", "check_numbers", "critique_node", "numbers_in"]

_NUMBER = re.compile(r"(?<![\w.,])[-−]?\d{1,3}(?:[,' \u202f]\d{3})+(?:\.\d+)?(?!\d)|\d+(?:\.\d+)?")
_CITED = re.compile(r"\[(\d{1,4})\]")
_LIST_ITEM = re.compile(r"(?m)^\s*\d{1,3}[.)]\s")
SCALES = (Decimal(1), Decimal(100), Decimal(1000), Decimal(1_000_000), Decimal(1_000_000_000))
"""Percent, thousands, millions, billions: a number may be written in any of them."""
WORDS: dict[str, int | Decimal] = {
    "zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
    "eleven": 11, "twelve": 12, "once": 1, "twice": 2, "half": Decimal("0.5"), "dozen": 12, "hundred": 100, "thousand": 1000,
}  # fmt: skip


def critique_node(parts: Parts) -> Node:
    """Make the node."""

    async def critique(state: State, *, runtime: Runtime[RunContext]) -> State:
        run = context_of(runtime)
        turn = state["turn"]
        draft = turn["draft"]
        assert draft is not None
        text, citations, notes = check_citations(text_of(draft), state.get("evidence") or [])
        notes = [*notes, *check_numbers(text, state["messages"])] if parts.critique else []
        step = turn["step"] + 1
        run.write("verdict", turn=turn["number"], step=step, citations=citations, critiques=notes)
        for note in notes:
            runtime.stream_writer(Critique(step=step, **note))
        return State(turn={"text": text, "citations": citations, "critiques": notes})

    return critique


def check_citations(draft: str, evidence: Sequence[Passage]) -> tuple[str, list[Citation], list[CritiqueNote]]:
    """The text that is shown, the citations that hold, and a note on each that does not.

    >>> shown = [{"n": 1, "source": "a.md", "location": "A", "text": "a blue door"}]
    >>> check_citations('It is blue [1: "blue"], not red [1: "red"].', shown)[0]
    'It is blue [1], not red.'
    """
    passages = {passage["n"]: passage for passage in evidence}
    notes: list[CritiqueNote] = []

    def holds(n: int, quote: str) -> bool:
        why = ""
        if n not in passages:
            why = f"no passage {n} was shown"
        elif not quote.strip() or quote not in passages[n]["text"]:
            why = f"passage {n} does not say {quote!r}"
        if why:
            notes.append({"principle": "quotes are literal", "finding": why, "revised": False})
        return not why

    text, found = parse_citations(draft, keep=holds)
    bare = {int(mark) for mark in _CITED.findall(text)} & passages.keys() - {n for n, _ in found}
    for n in sorted(bare):
        text = re.sub(rf"\s?\[{n}\]", "", text)
        notes.append({"principle": "quotes are literal", "finding": f"passage {n} is cited without a quote", "revised": False})
    citations = [
        Citation(n=n, source=passages[n]["source"], location=passages[n]["location"], quote=quote) for n, quote in dict.fromkeys(found)
    ]
    return text.strip(), citations, notes


def numbers_in(text: str) -> list[Decimal]:
    """The numbers written in a text, thousands separators removed; signs don't count.

    >>> [str(number) for number in numbers_in("1,250.50 of 3 in 2024-05")]
    ['1250.50', '3', '2024', '5']
    """
    found = []
    for match in _NUMBER.finditer(text):
        digits = re.sub(r"[,' \u202f−-]", "", match[0])
        try:
            found.append(Decimal(digits))
        except InvalidOperation:  # digits of a script that Decimal doesn't read
            continue
    return found


def check_numbers(text: str, messages: Sequence[AnyMessage]) -> list[CritiqueNote]:
    """A note on each number of the answer that nothing in the thread before it accounts for."""
    known: set[Decimal] = set()
    for message in messages:
        known.update(numbers_in(text_of(message)))
        known.update(Decimal(WORDS[word]) for word in re.findall(r"[a-z]+", text_of(message).lower()) if word in WORDS)
        if isinstance(message, AIMessage):
            known.update(numbers_in(" ".join(str(call["args"]) for call in message.tool_calls)))
    bare = _LIST_ITEM.sub("", _CITED.sub("", text))
    unknown = [number for number in dict.fromkeys(numbers_in(bare)) if number not in known and not _follows(number, known)]
    return [
        {"principle": "numbers are observed", "finding": f"{number} is neither in the question nor in what was observed", "revised": False}
        for number in unknown
    ]


def _follows(number: Decimal, known: Iterable[Decimal]) -> bool:
    """Whether a number is a known one, rounded to the digits it has, or written in percent, thousands, millions."""
    exponent = number.as_tuple().exponent
    places = -exponent if isinstance(exponent, int) and exponent < 0 else 0
    half = Decimal(1).scaleb(-places) / 2 if places else Decimal(0)
    for other in known:
        if any(abs(value - number) <= half for scale in SCALES for value in (other * scale, other / scale)):
            return True
        if places == 0 and other != other.to_integral_value() and abs(other - number) <= Decimal("0.5"):
            return True
    return False
