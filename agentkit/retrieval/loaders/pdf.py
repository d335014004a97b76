"""PDF with a text layer: lines are put together from where text stands on the page, headings known by their type, tables by columns."""

import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import pypdf
from pypdf.errors import PyPdfError

from agentkit.errors import DocumentError
from agentkit.retrieval.blocks import Block, one_line, row_line

__all__ = ["read"]

logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # it reports each oddity of a file on stderr

_MAX_PAGES = 3_000
_MAX_CHARACTERS = 20_000_000


@dataclass
class _Line:
    """A line of a page: its pieces from left to right."""

    y: float
    size: float
    bold: bool
    pieces: list[tuple[float, str]] = field(default_factory=list)  # left edge in points, text

    @property
    def text(self) -> str:
        return one_line(" ".join(text for _, text in sorted(self.pieces)))


def read(path: Path) -> list[Block]:
    """The blocks of a PDF, each with its page.

    Raises:
        DocumentError: encrypted, broken, or without a text layer (a scan).
    """
    try:
        reader = pypdf.PdfReader(path)
        if reader.is_encrypted and not reader.decrypt(""):
            raise DocumentError("encrypted: save a copy without a password")
        pages = [_lines(page) for page in reader.pages[:_MAX_PAGES]]
    except PyPdfError as error:
        raise DocumentError(f"broken file: {error}") from error
    if sum(len(line.text) for page in pages for line in page) > _MAX_CHARACTERS:
        raise DocumentError(f"more than {_MAX_CHARACTERS:,} characters of text")
    if not any(line.text for page in pages for line in page):
        raise DocumentError("no text layer (a scan?): run it through OCR first")
    return list(_Reading(pages).blocks())


def _lines(page: pypdf.PageObject) -> list[_Line]:
    """The page's text as lines in reading order, a piece for each run of text that the page places by itself."""
    lines: list[_Line] = []

    def see(text: str, cm: Sequence[float], tm: Sequence[float], font: dict[str, Any] | None, size: float) -> None:
        if not text.strip():
            return
        x = cm[0] * tm[4] + cm[2] * tm[5] + cm[4]
        y = cm[1] * tm[4] + cm[3] * tm[5] + cm[5]
        scale = abs(size * tm[3] * cm[3]) or size
        bold = "bold" in str((font or {}).get("/BaseFont", "")).lower()
        if lines and abs(lines[-1].y - y) < 0.3 * max(scale, 1):
            lines[-1].pieces.append((x, text))
        else:
            lines.append(_Line(y, round(scale, 1), bold, [(x, text)]))

    page.extract_text(visitor_text=see)
    return lines


class _Reading:
    """From lines to blocks: what is larger or bolder than the body is a heading, rows of pieces that stand apart are a table."""

    def __init__(self, pages: list[list[_Line]]) -> None:
        self.pages = pages
        weights: Counter[float] = Counter()
        for line in (line for page in pages for line in page):
            weights[line.size] += len(line.text)
        self.body = weights.most_common(1)[0][0]
        bold = sum(len(line.text) for page in pages for line in page if line.bold)
        self.bold_body = bold * 2 > sum(weights.values())
        self.path: list[tuple[float, str]] = []

    def blocks(self) -> Iterator[Block]:
        for number, page in enumerate(self.pages, 1):
            for kind, lines in _runs(page, self._kind):
                if kind == "heading":
                    self._enter(lines)
                elif kind == "table":
                    yield from self._table(lines, number)
                else:
                    yield from self._prose(lines, number)

    def _kind(self, line: _Line) -> str:
        if len(line.pieces) > 1 and _stands_apart(line):
            return "table"
        if len(line.text) < 120 and (line.size > self.body * 1.1 or (line.bold and not self.bold_body and line.size >= self.body)):
            return "heading"
        return "prose"

    def _enter(self, lines: list[_Line]) -> None:
        for line in lines:
            rank = line.size + (0.5 if line.bold else 0)
            if self.path and self.path[-1][0] == rank and line is not lines[0]:  # a heading of two lines
                self.path[-1] = (rank, f"{self.path[-1][1]} {line.text}")
                continue
            self.path = [entry for entry in self.path if entry[0] > rank]
            self.path.append((rank, line.text))

    def _table(self, lines: list[_Line], page: int) -> Iterator[Block]:
        rows = [row_line([text for _, text in sorted(line.pieces)]) for line in lines]
        if len(rows) == 1:
            yield Block(text=rows[0], path=self._names(), page=page, row=1)
        for number, row in enumerate(rows[1:], 1):
            yield Block(text=row, path=self._names(), page=page, row=number, header=rows[0])

    def _prose(self, lines: list[_Line], page: int) -> Iterator[Block]:
        for paragraph in _paragraphs(lines):
            text = _join([line.text for line in paragraph])
            if text:
                yield Block(text=text, path=self._names(), page=page)

    def _names(self) -> tuple[str, ...]:
        return tuple(name for _, name in self.path)


def _stands_apart(line: _Line) -> bool:
    """Whether the line's pieces are cells: each begins well behind where the one before must have ended."""
    pieces = sorted(line.pieces)
    return all(right[0] - left[0] > line.size * (0.45 * len(one_line(left[1])) + 0.8) for left, right in pairwise(pieces))


def _runs(lines: list[_Line], kind_of: Any) -> Iterator[tuple[str, list[_Line]]]:
    run: list[_Line] = []
    last = ""
    for line in lines:
        kind = kind_of(line)
        if run and kind != last:
            yield last, run
            run = []
        run.append(line)
        last = kind
    if run:
        yield last, run


def _paragraphs(lines: list[_Line]) -> Iterator[list[_Line]]:
    """Lines up to a bullet, a larger gap, or a line that ends short with the end of a sentence."""
    paragraph: list[_Line] = []
    widest = max(len(line.text) for line in lines)
    gaps = Counter(round(above.y - below.y) for above, below in pairwise(lines) if above.y > below.y)
    usual = min(gaps, key=lambda gap: (-gaps[gap], gap)) if gaps else 0
    for line in lines:
        if paragraph:
            before = paragraph[-1]
            short = len(before.text) < 0.75 * widest and before.text[-1:] in ".!?:"
            gap = before.y - line.y > 1.4 * max(usual, line.size) if before.y > line.y else False
            if short or gap or line.text.startswith(("• ", "- ")):
                yield paragraph
                paragraph = []
        paragraph.append(line)
    if paragraph:
        yield paragraph


def _join(lines: list[str]) -> str:
    """Lines as running text; a word that was divided at the end of a line is put together again."""
    text = ""
    for line in lines:
        if text.endswith("-") and text[-2:-1].islower() and line[:1].islower():
            text = text[:-1] + line
        else:
            text = f"{text} {line}" if text else line
    return text
