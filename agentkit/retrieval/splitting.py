"""From blocks to chunks: about as long as one passage should be, cut at the ends of sentences and rows, never across headings."""

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from agentkit.retrieval.blocks import Block, one_line

__all__ = ["SPLITTER", "Chunk", "estimate_tokens", "split", "views"]

SPLITTER = 2
"""The number of what readers and splitting make of a file: part of an index's key, so that another number makes a new index."""

LIMIT = 110
"""Tokens of a chunk's text, about."""

TABLE_LIMIT = 180
"""Tokens of a chunk of table rows, header included: rows are read side by side, so a small table stays whole."""

REMARK = 40
"""Tokens of a remark that is shown together with the table beside it."""

ROWS = 10
"""Rows of a table in one chunk, at most."""

_TOKEN = re.compile(r"\d|[^\W\d_]+|[^\w\s]|_")
_SENTENCE_END = re.compile(r"(?<=[.!?…])[\"'”’)\]]*\s+(?=[\"'“‘(\[]*[A-ZÀ-ÞĀ-Ž0-9])|(?<=[。！？])")
_ABBREVIATION = re.compile(
    r"(?:\b[A-Z]|\b(?:Mr|Mrs|Ms|Dr|Prof|St|No|no|Nr|vs|ca|approx|e\.g|i\.e|Fig|Vol|pp?)|\b(?:Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec))\.$"
)


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """A passage as it is shown, where it stands, and the headings that are searched with it."""

    text: str
    location: str
    headings: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Unit:
    """What is never cut: a sentence, a short paragraph, a row."""

    text: str
    block: Block
    tokens: int
    glue: str = "\n"
    """What stands before it when another unit of the chunk precedes it."""


def estimate_tokens(text: str) -> int:
    """About how many tokens a small model's tokenizer makes of a text.

    Digits and signs count singly and long words by their length, since that is how such tokenizers fall short.

    >>> estimate_tokens("Beds | 36")
    4
    """
    return sum(1 if len(piece) < 8 else math.ceil(len(piece) / 5) for piece in _TOKEN.findall(text))


def split(blocks: Sequence[Block], *, limit: int = LIMIT, rows: int = ROWS) -> list[Chunk]:
    """Chunks of about `limit` tokens from a document's blocks.

    >>> split([Block(text="Open daily.", path=("Museum",)), Block(text="Closed in May.", path=("Museum",))])
    [Chunk(text='Open daily.\\nClosed in May.', location='Museum', headings=('Museum',))]
    """
    longest = _table_lengths(blocks)
    chunks = []
    for group in _groups(_sections(blocks), limit):
        parent = _parent(group)
        units = [unit for section in group for unit in _units(section, parent, limit)]
        for packed in _pack(units, limit, rows):
            headings = parent if len(group) > 1 else group[0][0].path
            chunks.append(_chunk(packed, headings, longest))
    return [_numbered(chunk, number) for number, chunk in enumerate(chunks, 1)]


def views(text: str) -> list[str]:
    """The sentences and rows of a chunk: each is embedded too, since a question is mostly about one of them.

    >>> views("Place | Price\\nBed | 24.00\\nPaid in cash. Cards are refused.")
    ['Place | Price', 'Bed | 24.00', 'Paid in cash.', 'Cards are refused.']
    """
    lines = [line for line in text.split("\n") if line.strip()]
    found = [view for line in lines for view in ([line] if " | " in line else _sentences(line))]
    return list(dict.fromkeys(found))


def _table_lengths(blocks: Sequence[Block]) -> dict[int, int]:
    """For each row's block (by identity) the last row of its table."""
    lengths: dict[int, int] = {}
    table: list[Block] = []
    for block in [*blocks, Block(text="")]:
        if table and (block.row is None or block.row <= (table[-1].row or 0) or block.header != table[-1].header):
            lengths.update({id(row): table[-1].row or 0 for row in table})
            table = []
        if block.row is not None:
            table.append(block)
    return lengths


def _sections(blocks: Iterable[Block]) -> list[list[Block]]:
    """Runs of blocks under the same headings, on the same page."""
    sections: list[list[Block]] = []
    for block in blocks:
        if sections and (sections[-1][0].path, sections[-1][0].page) == (block.path, block.page):
            sections[-1].append(block)
        else:
            sections.append([block])
    return sections


def _groups(sections: list[list[Block]], limit: int) -> Iterator[list[list[Block]]]:
    """Short sections under one parent are shown together."""
    group: list[list[Block]] = []
    size = 0
    for section in sections:
        tokens = sum(estimate_tokens(block.text) for block in section) + estimate_tokens(section[0].header)
        if group and (size + tokens > limit or not _may_join(group, section)):
            yield group
            group, size = [], 0
        group.append(section)
        size += tokens
    if group:
        yield group


def _may_join(group: list[list[Block]], section: list[Block]) -> bool:
    parent = _parent([*group, section])
    paths = [member[0].path for member in [*group, section]]
    return bool(parent) and group[0][0].page == section[0].page and all(len(path) <= len(parent) + 1 for path in paths)


def _parent(group: list[list[Block]]) -> tuple[str, ...]:
    """The headings that all sections of a group share."""
    paths = [section[0].path for section in group]
    shared: tuple[str, ...] = ()
    for names in zip(*paths, strict=False):
        if len(set(names)) > 1:
            break
        shared = (*shared, names[0])
    return shared


def _units(section: list[Block], parent: tuple[str, ...], limit: int) -> Iterator[_Unit]:
    """The section's units; below the parent its own heading is put on top, unless the text begins with it."""
    heading = "\n".join(section[0].path[len(parent) :])
    if heading and not section[0].text.startswith(heading):
        yield _Unit(heading, Block(text=heading, path=section[0].path, page=section[0].page), estimate_tokens(heading))
    for block in section:
        for glue, piece in _pieces(block, limit):
            yield _Unit(piece, block, estimate_tokens(piece), glue)


def _pieces(block: Block, limit: int) -> Iterator[tuple[str, str]]:
    """The block whole if it is short, else its lines, sentences, or at last runs of words; each with what stands before it."""
    if block.row is not None or estimate_tokens(block.text) <= limit:
        yield "\n", block.text
        return
    for line in block.text.split("\n") if block.verbatim else [block.text]:
        glue = "\n"
        for sentence in [line] if estimate_tokens(line) <= limit else _sentences(line):
            for piece in [sentence] if estimate_tokens(sentence) <= limit else _words(sentence, limit):
                yield glue, piece
                glue = " "


def _sentences(text: str) -> list[str]:
    sentences: list[str] = []
    for piece in _SENTENCE_END.split(text):
        if sentences and _ABBREVIATION.search(sentences[-1]):
            sentences[-1] += f" {piece}"
        else:
            sentences.append(piece)
    return [sentence for sentence in map(one_line, sentences) if sentence]


def _words(text: str, limit: int) -> list[str]:
    pieces: list[str] = []
    size = limit + 1
    for word in text.split(" "):
        tokens = estimate_tokens(word)
        if size + tokens > limit:
            pieces.append(word)
            size = tokens
        else:
            pieces[-1] += f" {word}"
            size += tokens
    return pieces


def _pack(units: list[_Unit], limit: int, rows: int) -> Iterator[list[_Unit]]:
    """Units into chunks: all together if they fit, else prose and tables apart, each into chunks of about equal size."""
    if _size(units) <= limit and sum(1 for unit in units if unit.block.row is not None) <= rows:
        yield units
        return
    packed = [chunk for run in _kinds(units) for chunk in _pack_run(run, limit, rows)]
    yield from _attached(packed)


def _pack_run(run: list[_Unit], limit: int, rows: int) -> Iterator[list[_Unit]]:
    if run[0].block.row is None:
        yield from _balanced(run, math.ceil(_size(run) / limit), len(run))
        return
    header = estimate_tokens(run[0].block.header)
    room = max(TABLE_LIMIT - header, limit / 2)
    yield from _balanced(run, math.ceil(max((_size(run) - header) / room, len(run) / rows)), rows)


def _attached(chunks: list[list[_Unit]]) -> Iterator[list[_Unit]]:
    """A remark before or after a table is shown with it where both fit."""
    held: list[_Unit] = []
    for chunk in chunks:
        mixed = held and (held[-1].block.row is None) != (chunk[0].block.row is None)
        remark = min((_size(held), _size(chunk))) <= REMARK
        if mixed and remark and _size(held) + _size(chunk) <= TABLE_LIMIT:
            held = [*held, *chunk]
            continue
        if held:
            yield held
        held = chunk
    if held:
        yield held


def _kinds(units: list[_Unit]) -> Iterator[list[_Unit]]:
    """Runs of prose and runs of rows of one table."""
    run: list[_Unit] = []
    for unit in units:
        if run and ((run[-1].block.row is None) != (unit.block.row is None) or (unit.block.row or 2) <= (run[-1].block.row or 0)):
            yield run
            run = []
        run.append(unit)
    if run:
        yield run


def _balanced(units: list[_Unit], parts: int, most: int) -> Iterator[list[_Unit]]:
    """Units into `parts` runs of about equal size, so that none is a mere leftover; of `most` units at most."""
    left, size = sum(unit.tokens for unit in units), 0
    chunk: list[_Unit] = []
    for unit in units:
        enough = parts > 1 and size + unit.tokens / 2 > left / parts and size > left / parts / 4  # never a heading alone
        if chunk and (len(chunk) == most or enough):
            yield chunk
            left, parts, chunk, size = left - size, max(parts - 1, 1), [], 0
        chunk.append(unit)
        size += unit.tokens
    yield chunk


def _size(units: list[_Unit]) -> int:
    return sum(unit.tokens for unit in units) + sum(map(estimate_tokens, {unit.block.header for unit in units}))


def _chunk(units: list[_Unit], headings: tuple[str, ...], longest: dict[int, int]) -> Chunk:
    text = ""
    header = ""
    for unit in units:
        if unit.block.header and unit.block.header != header:
            text += f"\n{unit.block.header}" if text else unit.block.header
        header = unit.block.header
        text += f"{unit.glue}{unit.text}" if text else unit.text
    return Chunk(text=text, location=", ".join(_places(units, headings, longest)), headings=headings)


def _places(units: list[_Unit], headings: tuple[str, ...], longest: dict[int, int]) -> Iterator[str]:
    blocks = [unit.block for unit in units]
    if headings:
        yield " > ".join(headings)
    if blocks[0].page is not None:
        yield f"page {blocks[0].page}"
    numbers = [block.row for block in blocks if block.row is not None]
    whole = numbers[:1] == [1] and all(block.row is None or longest.get(id(block), 0) <= max(numbers) for block in blocks)
    if numbers and not (whole and (headings or blocks[0].page)):
        yield _span("row", min(numbers), max(numbers))
    lines = [block.lines for block in blocks if block.lines]
    if lines and not headings:
        yield _span("line", lines[0][0], lines[-1][1])


def _span(noun: str, first: int, last: int) -> str:
    return f"{noun} {first}" if first == last else f"{noun}s {first}-{last}"


def _numbered(chunk: Chunk, number: int) -> Chunk:
    """A chunk that nothing places is placed by its number."""
    return chunk if chunk.location else Chunk(text=chunk.text, location=f"part {number}", headings=chunk.headings)
