"""DOCX: headings, paragraphs and tables in the order of the document; macros, comments and embedded objects are not looked at."""

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import docx
from docx.table import Table, _Row
from docx.text.paragraph import Paragraph

from agentkit.errors import DocumentError
from agentkit.retrieval.blocks import Block, one_line, row_line

__all__ = ["read"]

_MAX_UNPACKED = 200_000_000
_MAX_RATIO = 200
_LEVEL = re.compile(r"(?:heading|überschrift|titre|título|titolo|kop)\s*([1-9])", re.IGNORECASE)


def read(path: Path) -> list[Block]:
    """The blocks of a Word document.

    Raises:
        DocumentError: the archive is broken or unpacks to too much.
    """
    _look_inside(path)
    return list(_blocks(docx.Document(str(path)).iter_inner_content()))


def _look_inside(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
    except zipfile.BadZipFile as error:
        raise DocumentError("broken file: not a DOCX archive") from error
    if unpacked > _MAX_UNPACKED or unpacked > _MAX_RATIO * max(path.stat().st_size, 100_000):
        raise DocumentError(f"unpacks to {unpacked:,} bytes, which looks like an archive bomb")


def _blocks(content: Iterator[Paragraph | Table]) -> Iterator[Block]:
    path: list[tuple[int, str]] = []
    for item in content:
        names = tuple(name for _, name in path)
        if isinstance(item, Table):
            yield from _rows(item, names)
            continue
        lines = [one_line(line) for line in item.text.split("\n")]
        text = "\n".join(line for line in lines if line)
        level = _heading_level(item)
        if not text:
            continue
        if level is None:
            mark = "- " if "list" in _style(item).lower() else ""
            yield Block(text=mark + text, path=names, verbatim="\n" in text)
        else:
            path = [*(entry for entry in path if entry[0] < level), (level, one_line(text))]


def _style(paragraph: Paragraph) -> str:
    return (paragraph.style.name if paragraph.style is not None else "") or ""


def _heading_level(paragraph: Paragraph) -> int | None:
    name = _style(paragraph)
    if name.lower() in ("title", "titel"):
        return 0
    match = _LEVEL.match(name)
    return int(match[1]) if match else None


def _rows(table: Table, names: tuple[str, ...]) -> Iterator[Block]:
    lines = [row_line(_cells(row)) for row in table.rows]
    if len(lines) == 1:
        yield Block(text=lines[0], path=names, row=1)
    for number, line in enumerate(lines[1:], 1):
        if line:
            yield Block(text=line, path=names, row=number, header=lines[0])


def _cells(row: _Row) -> list[str]:
    """The row's cells as text; a cell that spans columns appears once, followed by empty ones."""
    seen: list[object] = []
    texts = []
    for cell in row.cells:
        element = cell._tc
        texts.append("" if element in seen else cell.text)
        seen.append(element)
    return texts
