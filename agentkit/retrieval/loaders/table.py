"""CSV and TSV: a block a row, the first row is the header."""

import csv
import io
from pathlib import Path

from agentkit.errors import DocumentError
from agentkit.retrieval.blocks import Block, row_line
from agentkit.retrieval.loaders.text import decode

__all__ = ["read"]

_MAX_CELL = 1_000_000


def read(path: Path) -> list[Block]:
    """The rows of a table, each with the header line; rows without any text are left out but counted."""
    text = decode(path.read_bytes())
    csv.field_size_limit(_MAX_CELL)
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), _dialect(text, path.suffix.lower())))
    except csv.Error as error:
        raise DocumentError(f"broken table: {error}") from error
    rows = [row for row in rows if row]
    if not rows:
        return []
    header = row_line(rows[0])
    if len(rows) == 1:
        return [Block(text=header, row=1)] if header else []
    shown = ((number, row_line(row)) for number, row in enumerate(rows[1:], 1))
    return [Block(text=line, row=number, header=header) for number, line in shown if line]


def _dialect(text: str, suffix: str) -> type[csv.Dialect]:
    class Delimited(csv.excel):
        delimiter = "\t" if suffix == ".tsv" else _delimiter(text)

    return Delimited


def _delimiter(text: str) -> str:
    """The delimiter that the first lines agree on; the standard library's sniffer is fooled by prose in cells."""
    lines = [line for line in text.splitlines()[:20] if line.strip()]
    best, most = ",", 0
    for candidate in (",", ";", "\t", "|"):
        counts = [len(next(csv.reader([line], delimiter=candidate))) - 1 for line in lines]
        agreed = min(counts, default=0) * 100 + (counts[0] if counts else 0)
        if agreed > most:
            best, most = candidate, agreed
    return best
