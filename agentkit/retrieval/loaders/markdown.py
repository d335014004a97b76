"""Markdown: headings give the path; paragraphs, list items, table rows and code become blocks; marks of emphasis and links are layout."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

from agentkit.retrieval.blocks import Block, one_line, row_line
from agentkit.retrieval.loaders.html import blocks_of_html
from agentkit.retrieval.loaders.text import decode

__all__ = ["read"]


def read(path: Path) -> list[Block]:
    """The blocks of a Markdown file; front matter is kept as it stands."""
    front, body = _front_matter(decode(path.read_bytes()))
    tokens = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).parse(body)
    return [*front, *_Walk(tokens).blocks()]


def _front_matter(text: str) -> tuple[list[Block], str]:
    lines = text.split("\n")
    if lines[0].strip() != "---" or "---" not in [line.strip() for line in lines[1:60]]:
        return [], text
    end = [line.strip() for line in lines].index("---", 1)
    shown = "\n".join(line.strip() for line in lines[1:end] if line.strip())
    return ([Block(text=shown, verbatim=True)] if shown else []), "\n".join(lines[end + 1 :])


class _Walk:
    """One pass over the flat token list of markdown-it."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        self.tokens = tokens
        self.path: list[tuple[int, str]] = []
        self.items: list[str] = []  # the mark of each open list item, used up by its first paragraph
        self.header = ""
        self.cells: list[str] | None = None
        self.row = 0

    def blocks(self) -> Iterator[Block]:
        for position, token in enumerate(self.tokens):
            if token.type == "inline":
                yield from self._inline(self.tokens[position - 1].type, self.tokens[position - 1].tag, token)
            elif token.type in ("fence", "code_block"):
                text = token.content.rstrip()
                if text.strip():
                    yield Block(text=text, path=self._names(), verbatim=True)
            elif token.type == "html_block":
                yield from (replace(block, path=(*self._names(), *block.path)) for block in blocks_of_html(token.content))
            else:
                yield from self._structure(token)

    def _structure(self, token: Token) -> Iterator[Block]:
        if token.type == "list_item_open":
            self.items.append(f"{token.info}{token.markup} " if token.info else "- ")
        elif token.type == "list_item_close":
            self.items.pop()
        elif token.type == "table_open":
            self.header, self.row = "", 0
        elif token.type == "tr_open":
            self.cells = []
        elif token.type == "tr_close" and self.cells is not None:
            line, self.cells = row_line(self.cells), None
            if self.row == 0 and not self.header:
                self.header = line
            else:
                self.row += 1
                if line:
                    yield Block(text=line, path=self._names(), row=self.row, header=self.header)
        elif token.type == "table_close" and self.header and self.row == 0:
            yield Block(text=self.header, path=self._names(), row=1)

    def _inline(self, opened: str, tag: str, token: Token) -> Iterator[Block]:
        text = _text(token.children or [])
        if self.cells is not None:
            self.cells.append(text)
        elif opened == "heading_open":
            level = int(tag[1:])
            self.path = [entry for entry in self.path if entry[0] < level]
            if one_line(text):
                self.path.append((level, one_line(text)))
        else:
            lines = [one_line(line) for line in text.split("\n")]
            shown = "\n".join(line for line in lines if line)
            mark = self.items[-1] if self.items else ""
            if mark:
                self.items[-1] = ""
            if shown:
                yield Block(text=mark + shown, path=self._names(), verbatim="\n" in shown)

    def _names(self) -> tuple[str, ...]:
        return tuple(name for _, name in self.path)


def _text(children: Sequence[Token]) -> str:
    """Inline content without marks: of a link its text, of an image its description, of inline HTML nothing."""
    parts = []
    for child in children:
        if child.type in ("text", "code_inline"):
            parts.append(child.content)
        elif child.type == "image":
            parts.append(_text(child.children or []))
        elif child.type == "hardbreak" or (child.type == "html_inline" and child.content.lower().startswith("<br")):
            parts.append("\n")
        elif child.type == "softbreak":
            parts.append(" ")
    return "".join(parts)
