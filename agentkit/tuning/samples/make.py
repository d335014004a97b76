"""All samples: written rows to exchanges, exchanges to conversations, conversations to lots that share an offer of tools.

A lot is a handful of conversations under one system text; the trainer reads that text once for all of them.

```
built-in lots    calculator, python, search_documents (and now and then tools of a family that nobody needs)
                 on documents, sums, programs, small talk, conversations
family lots      two to six tools of a family (and now and then the built-in ones, or another family's),
                 masked in a third of the lots
```
"""

import json
import math
import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from agentkit.contract import ToolSpec, unanswerable
from agentkit.tuning.samples.calls import Family, read_family
from agentkit.tuning.samples.computed import CALCULATOR, PYTHON, exchange_of_turn
from agentkit.tuning.samples.documents import SEARCH, DocumentSet, exchanges_of_set
from agentkit.tuning.samples.faults import failed, mended, ordered, repeated
from agentkit.tuning.samples.masking import mask, shuffle_arguments
from agentkit.tuning.samples.noise import typed
from agentkit.tuning.samples.numbers import with_other_numbers
from agentkit.tuning.samples.values import Texts, with_other_values
from agentkit.tuning.trajectory import Exchange, Trajectory

__all__ = ["Amounts", "Report", "built_in_specs", "make_samples"]

INSTRUCTIONS = (
    "Answer in one sentence.", "Be friendly.", "Keep answers short.", "Answer in English.", "The user's name is Ilse.",
    "You help the visitors of a small museum.", "Write plain text only.", "You work at the front desk.", "Use metric units.",
    "The user is in a hurry.", "Today is Tuesday, 4 May 2027.", "Never guess.", "You are the assistant of a repair shop.",
    "The reader is a child of ten.", "Be precise with numbers.", "No emojis.",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Amounts:
    """How much of each is made."""

    varied: float = 1.0
    """Share of the sums and programs that come a second time with other numbers or texts, where that can be done."""
    family_lots: int = 2
    """Offers drawn from each family."""
    masked: float = 0.34
    """Share of the family lots under random names."""
    noisy: float = 0.15
    """Share of the questions that are typed carelessly."""
    faulty: float = 0.08
    """Share of the exchanges with calls that go wrong on the way."""
    joined: float = 0.15
    """Share of the single questions that follow another one in the same conversation."""
    instructed: float = 0.15
    """Share of the lots with instructions of the user."""
    held_back: float = 0.06
    """Share of document sets, families and other rows that are kept for validation."""


@dataclass
class Report:
    """What was left out on the way."""

    dropped: Counter[str] = field(default_factory=Counter)
    questions: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Item:
    """One or more exchanges that belong together."""

    kind: str
    group: str
    exchanges: tuple[Exchange, ...]
    key: str
    tags: tuple[str, ...] = ()

    @property
    def needs(self) -> set[str]:
        return {tool for exchange in self.exchanges for tool in exchange.needs}


def built_in_specs() -> dict[str, ToolSpec]:
    """The built-in tools as an agent shows them."""
    from agentkit.tools import registry, tool_spec
    from agentkit.tools.retriever import search_documents_tool

    specs = {name: tool_spec(registry.get(name)) for name in (CALCULATOR, PYTHON)}
    return {**specs, SEARCH: tool_spec(search_documents_tool(None))}  # type: ignore[arg-type]


def make_samples(
    data: Path, work: Path, *, seed: int = 0, amounts: Amounts | None = None
) -> tuple[list[Trajectory], list[Trajectory], Report]:
    """Make all trajectories.

    Args:
        data: the folder of written data.
        work: a folder for the copies and indexes of the document sets.
        seed: the same seed and data give the same samples.
        amounts: how much of each.

    Returns:
        What is trained on, what is held back, what was left out.
    """
    amounts = amounts or Amounts()
    chance = random.Random(seed)
    report = Report()
    items = [*_documents(data, work, chance, report), *_rows(data, chance, report, amounts), *_conversations(data, report)]
    families = [read_family(path) for path in sorted((data / "tools").glob("*.json"))]
    specs = built_in_specs()
    groups = _held_back([item.group for item in items if SEARCH in item.needs], amounts)
    groups |= _held_back([item.group for item in items if SEARCH not in item.needs], amounts)
    groups |= _held_back([family.name for family in families], amounts)
    trained: list[Trajectory] = []
    held: list[Trajectory] = []
    for target, kept in ((held, True), (trained, False)):
        part = [item for item in items if (item.group in groups) == kept]
        own_families = [family for family in families if (family.name in groups) == kept]
        target += _built_in_lots(part, specs, own_families or families, chance, amounts)
        target += _family_lots(own_families, part, specs, families, chance, amounts)
    return trained, held, report


def _held_back(groups: Sequence[str], amounts: Amounts) -> set[str]:
    """The groups that are kept for validation: those with the lowest hashes, so that new ones change little."""
    order = sorted(set(groups), key=lambda group: sha256(f"held back {group}".encode()).hexdigest())
    return set(order[: math.ceil(len(order) * amounts.held_back)])


def _documents(data: Path, work: Path, chance: random.Random, report: Report) -> Iterator[_Item]:
    for folder in sorted(path for path in (data / "documents").iterdir() if (path / "questions.jsonl").exists()):
        documents = DocumentSet(folder, work)
        for kind, exchanges in exchanges_of_set(documents, chance):
            yield _Item(kind, folder.name, tuple(exchanges), _key(folder.name, exchanges[0].question))
        report.dropped["document"] += len(documents.dropped)
        report.questions += documents.dropped


def _rows(data: Path, chance: random.Random, report: Report, amounts: Amounts) -> Iterator[_Item]:
    texts = Texts.of(_read(data / "programs.jsonl"))
    for kind, name in (("sum", "sums"), ("program", "programs"), ("chat", "chat")):
        for row in _read(data / f"{name}.jsonl"):
            exchange = exchange_of_turn(row)
            if exchange is None:
                report.dropped[kind] += 1
                report.questions.append(row["question"])
                continue
            key = _key(kind, row["question"])
            yield _Item(kind, key, (exchange,), key)
            varied = _varied(kind, row, texts, chance) if chance.random() < amounts.varied else None
            other = exchange_of_turn(varied) if varied else None
            if other is not None:
                yield _Item(kind, key, (other,), key, ("other numbers",))


def _varied(kind: str, row: Mapping[str, Any], texts: Texts, chance: random.Random) -> dict[str, Any] | None:
    if kind == "sum":
        return with_other_numbers(row, chance)
    return with_other_values(row, texts, chance) if kind == "program" else None


def _conversations(data: Path, report: Report) -> Iterator[_Item]:
    for row in _read(data / "mixed.jsonl"):
        exchanges = [exchange_of_turn(turn) for turn in row["turns"]]
        good = exchanges[: exchanges.index(None)] if None in exchanges else exchanges
        report.dropped["mixed"] += len(exchanges) - len(good)
        if good:
            key = _key("mixed", row["turns"][0]["question"])
            yield _Item("mixed", key, tuple(exchange for exchange in good if exchange is not None), key)


def _read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()] if path.exists() else []


def _key(*parts: str) -> str:
    return sha256("\n".join(parts).encode()).hexdigest()[:12]


def _built_in_lots(
    items: Sequence[_Item], specs: dict[str, ToolSpec], families: Sequence[Family], chance: random.Random, amounts: Amounts
) -> Iterator[Trajectory]:
    """Lots for what the built-in tools answer."""
    searching = [item for item in items if SEARCH in item.needs]
    others = [item for item in items if SEARCH not in item.needs]
    chance.shuffle(searching)
    chance.shuffle(others)
    beside = min(len(others) * 3 // 10, len(searching) // 2)  # sums, programs and small talk also come up where there are documents
    mixed = [*searching, *others[:beside]]
    chance.shuffle(mixed)
    for pool, always, size in ((mixed, [SEARCH], 6), (others[beside:], [], 14)):
        for start in range(0, len(pool), size):
            lot = pool[start : start + size]
            needs = set(always).union(*(item.needs for item in lot))
            spare = [name for name in (CALCULATOR, PYTHON) if name not in needs and chance.random() < 0.9]
            tools = [specs[name] for name in (CALCULATOR, PYTHON, SEARCH) if name in needs or name in spare]
            if chance.random() < 0.15:
                tools += chance.choice(families).offer(chance)[0][:2]
            yield from _lot(lot, tools, chance, amounts, shuffled=chance.random() < 0.6)


def _family_lots(
    families: Sequence[Family],
    items: Sequence[_Item],
    specs: dict[str, ToolSpec],
    strangers: Sequence[Family],
    chance: random.Random,
    amounts: Amounts,
) -> Iterator[Trajectory]:
    """Lots of tools that were never seen, some with the built-in ones or another family's beside them."""
    small_talk = [item for item in items if item.kind == "chat"]
    sums = [item for item in items if item.kind == "sum"]
    for family in families:
        for copy in range(amounts.family_lots):
            tools, exchanges = family.offer(chance)
            tools = [shuffle_arguments(tool, chance) if chance.random() < 0.3 else tool for tool in tools]
            if chance.random() < amounts.masked:
                tools, exchanges = mask(tools, exchanges, chance)
            lot = [
                _Item("tools", family.name, (exchange,), _key(family.name, exchange.question), (f"copy {copy}",)) for exchange in exchanges
            ]
            lot += chance.sample(small_talk, min(1, len(small_talk)))
            extra = chance.random()
            if extra < 0.3:
                tools += [specs[CALCULATOR], *([specs[PYTHON]] if chance.random() < 0.5 else [])]
                lot += chance.sample(sums, min(2, len(sums)))
            elif extra < 0.45:
                names = {tool.name for tool in tools}
                tools += [tool for tool in chance.choice(strangers).offer(chance)[0][:3] if tool.name not in names]
            yield from _lot(lot, tools, chance, amounts, shuffled=True)


def _lot(
    lot: Sequence[_Item], tools: Sequence[ToolSpec], chance: random.Random, amounts: Amounts, *, shuffled: bool
) -> Iterator[Trajectory]:
    """The conversations of one offer."""
    offered = list(tools)
    if shuffled:
        chance.shuffle(offered)
    instructions = chance.choice(INSTRUCTIONS) if chance.random() < amounts.instructed else ""
    by_name = {tool.name: tool for tool in offered}
    for item in _joined([_disturbed(item, by_name, chance, amounts) for item in lot], chance, amounts):
        yield Trajectory(
            kind=item.kind,
            group=item.group,
            exchanges=item.exchanges,
            tools=offered,
            instructions=instructions,
            key=item.key,
            tags=item.tags,
        )


def _disturbed(item: _Item, tools: dict[str, ToolSpec], chance: random.Random, amounts: Amounts) -> _Item:
    """Careless typing and faults in single questions."""
    if len(item.exchanges) > 1:
        return item
    exchange, tags = item.exchanges[0], item.tags
    if exchange.needs and chance.random() < amounts.faulty:
        name, faulty = _fault(exchange, tools, chance)
        if faulty is not None:
            exchange, tags = faulty, (*tags, name)
    if SEARCH not in exchange.needs and chance.random() < amounts.noisy:  # a search repeats the question's own words
        exchange, tags = replace(exchange, question=typed(exchange.question, chance)), (*tags, "noisy")
    return replace(item, exchanges=(exchange,), tags=tags)


def _fault(exchange: Exchange, tools: dict[str, ToolSpec], chance: random.Random) -> tuple[str, Exchange | None]:
    name = chance.choice(("failed", "mended", "mended", "repeated", "ordered", "ordered", "ordered"))
    if name == "failed" and exchange.needs[0] not in (CALCULATOR, PYTHON):
        return name, failed(exchange, chance)
    if name == "repeated":
        return name, repeated(exchange)
    if name == "ordered":
        return name, ordered(exchange, chance)
    return "mended", mended(exchange, tools, chance)


def _joined(items: Sequence[_Item], chance: random.Random, amounts: Amounts) -> list[_Item]:
    """Some single questions follow another one in the same conversation."""
    found: list[_Item] = []
    for item in items:
        if found and len(found[-1].exchanges) < 3 and len(item.exchanges) == 1 and chance.random() < amounts.joined:
            before = found.pop()
            kind = item.kind if item.kind == before.kind else "mixed"
            item = _Item(kind, before.group, before.exchanges + item.exchanges, before.key + item.key, (*before.tags, *item.tags, "joined"))
        found.append(item)
    return found


def counts(trajectories: Sequence[Trajectory]) -> Counter[str]:
    """Number of trajectories by kind, and of those answered with the sentence for what the documents don't say."""
    found = Counter(trajectory.kind for trajectory in trajectories)
    found["(unanswerable answers)"] = sum(e.answer == unanswerable() for t in trajectories for e in t.exchanges)
    return found
