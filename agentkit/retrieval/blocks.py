"""What a reader gives back: the pieces of a document in order, each with its place."""

import re
from dataclasses import dataclass

__all__ = ["Block", "one_line", "row_line"]

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\u200b\u2060\ufeff]")
_BULLET = re.compile(r"^[\x7f\uf0a7\uf0b7\u25aa\u25cf]\s*", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Block:
    """A paragraph, a list item, a row of a table, or a piece of code.

    >>> Block(text="Beds | 36", path=("Huts",), header="What | How many", row=1).row
    1
    """

    text: str
    """Literal to the source apart from layout; a row as `cell | cell`."""
    path: tuple[str, ...] = ()
    """The headings above, outermost first."""
    page: int | None = None
    """Counted from 1, where the format has pages."""
    lines: tuple[int, int] | None = None
    """First and last line, counted from 1, where the format has lines."""
    row: int | None = None
    """The row's number in its table, counted from 1 without the header; None for prose."""
    header: str = ""
    """The header line of the row's table."""
    verbatim: bool = False
    """Whether line breaks inside the text are the author's own."""


def one_line(text: str) -> str:
    """Text with layout reduced to single spaces and invisible characters dropped.

    >>> one_line("  two\\n  lines\\u200b ")
    'two lines'
    """
    return " ".join(_CONTROL.sub("", _BULLET.sub("• ", text)).split())


def row_line(cells: list[str]) -> str:
    """A row as it is shown; trailing empty cells are dropped.

    >>> row_line(["Bed", "", "24.00", ""])
    'Bed | | 24.00'
    """
    shown = [one_line(cell) for cell in cells]
    while shown and not shown[-1]:
        shown.pop()
    return " | ".join(shown).replace("|  |", "| |").replace("|  |", "| |")
