"""Questions on written document sets: the real retriever's passages, the answer, the quote as it stands in a passage."""

import json
import random
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agentkit.contract import unanswerable
from agentkit.tuning.samples.quotes import align
from agentkit.tuning.trajectory import Exchange, Made, Turn

__all__ = ["SEARCH", "DocumentSet", "exchanges_of_set", "query_of"]

SEARCH = "search_documents"

_DEPENDENT = re.compile(
    r"^(and|what about|how about|then|or|but|so|also|ok|same|which one|why|who|since when|until when)\b"
    r"|\b(it|its|they|them|their|he|she|him|his|her|that|those|there|this|these|one|ones|other|others|both|else)\b",
    re.IGNORECASE,
)


@dataclass
class DocumentSet:
    """A folder of written documents behind the retriever that answers at run time.

    Args:
        folder: the set, with its `questions.jsonl`.
        work: a folder for a copy of the documents alone (the questions must not be found) and for the index.
    """

    folder: Path
    work: Path
    dropped: list[str] = field(default_factory=list)
    """Questions whose quote stands in no passage."""

    def __post_init__(self) -> None:
        from agentkit.retrieval.knowledge import Knowledge

        copy = self.work / "documents" / self.folder.name
        if copy.exists():
            shutil.rmtree(copy)
        shutil.copytree(self.folder, copy, ignore=shutil.ignore_patterns("*.jsonl"))
        self.knowledge = Knowledge(copy, home=self.work / "home")

    def rows(self) -> list[dict[str, Any]]:
        """The written rows."""
        return [json.loads(line) for line in (self.folder / "questions.jsonl").read_text(encoding="utf-8").splitlines() if line.strip()]

    def passages(self, query: str, k: int) -> list[dict[str, str]]:
        """The k best passages."""
        return [{"source": hit.source, "location": hit.location, "text": hit.text} for hit in self.knowledge.search(query, k=k)]


def query_of(question: str, earlier: str = "") -> str:
    """What the agent searches for: the question, behind the earlier one where it does not stand alone.

    >>> query_of("What does a bed cost?")
    'What does a bed cost'
    >>> query_of("and for children?", "What does a bed cost?")
    'What does a bed cost, and for children'
    """
    bare = " ".join(question.split()).rstrip("?!. ")
    if earlier and (_DEPENDENT.search(bare) or len(bare.split()) <= 3):
        return f"{' '.join(earlier.split()).rstrip('?!. ')}, {bare}"
    return bare


def exchanges_of_set(documents: DocumentSet, random: random.Random) -> Iterator[tuple[str, list[Exchange]]]:
    """(kind, exchanges) of each written row; a row of several turns gives several exchanges."""
    for row in documents.rows():
        if "turns" not in row:
            exchange = _exchange(documents, row, "", random)
            if exchange is not None:
                yield ("unanswerable" if row.get("answer") is None else "document"), [exchange]
            continue
        found: list[Exchange] = []
        earlier = ""
        for turn in row["turns"]:
            exchange = _exchange(documents, turn, earlier, random)
            if exchange is None:
                break
            found.append(exchange)
            earlier = str(found[-1].turns[0].calls[0].args["query"])
        if found:
            yield "conversation", found


def _exchange(documents: DocumentSet, row: Mapping[str, Any], earlier: str, random: random.Random) -> Exchange | None:
    query = query_of(str(row["question"]), earlier)
    hits = documents.passages(query, 10)
    if row.get("answer") is None:
        return _searched(row, query, hits[: _count(random)], unanswerable(), ())
    right = next(((i, quote) for i, hit in enumerate(hits) if (quote := _quote(row, hit)) is not None), None)
    if right is None:
        return _unfound(documents, row, query, hits, random)
    place, quote = right
    shown = _chosen(hits, place, row, random)
    return _searched(row, query, shown, str(row["answer"]), [(shown.index(hits[place]), quote)])


def _unfound(
    documents: DocumentSet, row: Mapping[str, Any], query: str, hits: Sequence[dict[str, str]], random: random.Random
) -> Exchange | None:
    """The right passage is not among the ten best: look for it by the quote itself, or answer that it isn't there."""
    by_quote = documents.passages(f"{row['quote']}", 20)
    match = next(((hit, quote) for hit in by_quote if (quote := _quote(row, hit)) is not None), None)
    if match is None:
        documents.dropped.append(str(row["question"]))
        return None
    if random.random() < 0.3:
        return _searched(row, query, hits[:3], unanswerable(), ())
    hit, quote = match
    shown = [*hits[: _count(random) - 1]]
    shown.insert(random.randint(0, len(shown)), hit)
    return _searched(row, query, shown, str(row["answer"]), [(shown.index(hit), quote)])


def _quote(row: Mapping[str, Any], hit: Mapping[str, str]) -> str | None:
    return align(str(row["quote"]), hit["text"], answer=str(row["answer"])) if hit["source"] == row["file"] else None


def _count(random: random.Random) -> int:
    """How many passages are shown: three as at run time in most cases, fewer to spend fewer tokens."""
    return random.choices((3, 2, 1), (0.6, 0.25, 0.15))[0]


def _chosen(hits: Sequence[dict[str, str]], place: int, row: Mapping[str, Any], random: random.Random) -> list[dict[str, str]]:
    """The right passage, that of a second document where the answer needs it, and others; in the retriever's order."""
    needed = {place}
    if "also_file" in row:
        needed |= {next((i for i, hit in enumerate(hits) if hit["source"] == row["also_file"]), place)}
    count = max(_count(random), len(needed))
    others = [i for i in range(min(len(hits), 4)) if i not in needed]
    if count < 3 and random.random() < 0.5:
        random.shuffle(others)
    order = sorted({*needed, *others[: count - len(needed)]})
    if place > 2:  # the retriever would not have shown it: any rank will do
        random.shuffle(order)
    return [hits[i] for i in order]


def _searched(
    row: Mapping[str, Any], query: str, shown: Sequence[Mapping[str, str]], answer: str, citations: Sequence[tuple[int, str]]
) -> Exchange:
    call = Made(tool=SEARCH, args={"query": query}, passages=list(shown))
    return Exchange(question=str(row["question"]), answer=answer, turns=[Turn(calls=[call])], citations=list(citations))
