"""HTML: what a reader of the page sees, as blocks; scripts, styles, navigation, links' targets and hidden content are dropped."""

import re
import warnings
from collections.abc import Iterator
from pathlib import Path

from bs4 import BeautifulSoup, XMLParsedAsHTMLWarning
from bs4.element import NavigableString, PageElement, PreformattedString, Tag

from agentkit.errors import DocumentError
from agentkit.retrieval.blocks import Block, one_line, row_line

__all__ = ["blocks_of_html", "read"]

_DROPPED = ["script", "style", "template", "noscript", "nav", "svg", "iframe", "object", "form", "select", "head"]
_HIDDEN_STYLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0|opacity\s*:\s*0(?![.\d])", re.IGNORECASE)
_HEADING = re.compile(r"h[1-6]")
_INLINE = {
    "a", "abbr", "b", "bdi", "bdo", "cite", "code", "data", "del", "dfn", "em", "font", "i", "ins", "kbd", "label", "mark", "q",
    "s", "samp", "small", "span", "strike", "strong", "sub", "sup", "time", "tt", "u", "var", "wbr", "img", "button", "input",
}  # fmt: skip
_DEEPEST = 200


def read(path: Path) -> list[Block]:
    """The blocks of a page; without a heading of the first level the page's title heads the path."""
    return blocks_of_html(path.read_bytes())


def blocks_of_html(markup: str | bytes) -> list[Block]:
    """The blocks of a page or of a piece of one.

    >>> [block.text for block in blocks_of_html("<p>Open <b>daily</b></p><p hidden>secret</p>")]
    ['Open daily']
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", XMLParsedAsHTMLWarning)  # XHTML reads well enough as HTML
        soup = BeautifulSoup(markup, "lxml")
    title = one_line(soup.title.get_text()) if soup.title else ""
    for tag in soup.find_all(_DROPPED):
        tag.decompose()
    for tag in soup.find_all(_is_hidden):
        tag.decompose()
    path = [] if soup.find("h1") or not title else [(0, title)]
    return list(_Walk(path).blocks(soup))


def _is_hidden(tag: Tag) -> bool:
    if not tag.attrs:
        return False
    return tag.has_attr("hidden") or tag.get("aria-hidden") == "true" or bool(_HIDDEN_STYLE.search(str(tag.get("style", ""))))


class _Walk:
    """Depth first over the tree; runs of inline content become one block each."""

    def __init__(self, path: list[tuple[int, str]]) -> None:
        self.path = path
        self.run: list[str] = []

    def blocks(self, node: Tag) -> Iterator[Block]:
        yield from self._children(node, "", 0)
        yield from self._flush("")

    def _children(self, node: Tag, mark: str, depth: int) -> Iterator[Block]:
        if depth > _DEEPEST:
            raise DocumentError(f"tags nested more than {_DEEPEST} deep")
        for child in node.children:
            if isinstance(child, Tag) and child.name not in _INLINE and child.name != "br":
                before = len(self.run)
                yield from self._flush(mark)
                mark = "" if before else mark
                yield from self._block(child, mark, depth)
            elif isinstance(child, Tag) and child.find(lambda tag: tag.name not in _INLINE and tag.name != "br"):
                yield from self._children(child, mark, depth + 1)  # an inline tag around blocks, such as a link around a heading
            else:
                self.run.append(_inline(child))

    def _block(self, tag: Tag, mark: str, depth: int) -> Iterator[Block]:
        if _HEADING.fullmatch(tag.name):
            level, name = int(tag.name[1]), one_line(_inline(tag))
            self.path = [entry for entry in self.path if entry[0] < level]
            if name:
                self.path.append((level, name))
        elif tag.name == "table":
            yield from self._table(tag, depth)
        elif tag.name == "pre":
            text = tag.get_text().strip("\n").rstrip()
            if text.strip():
                yield Block(text=text, path=self._names(), verbatim=True)
        else:
            inner = _list_mark(tag) if tag.name == "li" else mark
            yield from self._children(tag, inner, depth + 1)
            yield from self._flush(inner)

    def _table(self, table: Tag, depth: int) -> Iterator[Block]:
        caption = table.find("caption")
        if isinstance(caption, Tag) and one_line(_inline(caption)):
            yield Block(text=one_line(_inline(caption)), path=self._names())
        rows = [row for row in table.find_all("tr") if row.find_parent("table") is table]
        if any(cell.find("table") for row in rows for cell in row.find_all(["td", "th"])):
            for row in rows:  # a table of tables is layout
                yield from self._children(row, "", depth + 1)
                yield from self._flush("")
            return
        lines = [row_line(cells) for cells in _grid(rows)]
        header, start = ("", 0) if not rows or len(rows) == 1 or not _is_header(rows[0]) else (lines[0], 1)
        for number, line in enumerate(lines[start:], 1):
            if line:
                yield Block(text=line, path=self._names(), row=number, header=header)

    def _flush(self, mark: str) -> Iterator[Block]:
        lines = [one_line(line) for line in "".join(self.run).split("\0")]
        self.run = []
        shown = "\n".join(line for line in lines if line)
        if shown:
            yield Block(text=mark + shown, path=self._names(), verbatim="\n" in shown)

    def _names(self) -> tuple[str, ...]:
        return tuple(name for _, name in self.path)


def _inline(node: PageElement) -> str:
    """The text of inline content; a line break is NUL until the run is flushed."""
    if isinstance(node, PreformattedString):  # comments, declarations
        return ""
    if isinstance(node, NavigableString):
        return str(node).replace("\0", "")
    if not isinstance(node, Tag):
        return ""
    if node.name == "br":
        return "\0"
    if node.name == "img":
        return str(node.get("alt", ""))
    return "".join(map(_inline, node.children))


def _list_mark(item: Tag) -> str:
    parent = item.parent
    if parent is None or parent.name != "ol":
        return "- "
    items = list(parent.find_all("li", recursive=False))
    start = str(parent.get("start", "1"))
    return f"{int(start if start.isdigit() else 1) + next(place for place, other in enumerate(items) if other is item)}. "


def _is_header(row: Tag) -> bool:
    cells = row.find_all(["td", "th"])
    return row.find_parent("thead") is not None or (bool(cells) and all(cell.name == "th" for cell in cells))


def _grid(rows: list[Tag]) -> Iterator[list[str]]:
    """The cells of each row as text; a cell that spans rows is repeated, one that spans columns is followed by empty ones."""
    hanging: dict[int, tuple[int, str]] = {}  # column: rows still to fill, text
    for row in rows:
        yield _row(list(row.find_all(["td", "th"])), hanging)


def _row(waiting: list[Tag], hanging: dict[int, tuple[int, str]]) -> list[str]:
    cells: list[str] = []
    while waiting or len(cells) in hanging:
        column = len(cells)
        if column in hanging:
            left, text = hanging.pop(column)
            cells.append(text)
        else:
            cell = waiting.pop(0)
            left, text = _span(cell, "rowspan"), _inline(cell).replace("\0", " ")
            cells += [text] + [""] * (_span(cell, "colspan") - 1)
        if left > 1:
            hanging[column] = (left - 1, text)
    return cells


def _span(cell: Tag, name: str) -> int:
    value = str(cell.get(name, "1")).strip()
    return min(int(value), 100) if value.isdigit() and value != "0" else 1
