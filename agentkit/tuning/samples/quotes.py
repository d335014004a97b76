"""Finding the literal piece of a passage that a written quote means."""

import re
from collections.abc import Sequence

__all__ = ["align"]

_WORD = re.compile(r"\w+")
_LONGEST = 160
"""Characters of a quote; a longer one is cut to the line that holds most of it."""


def align(quote: str, passage: str, *, answer: str = "") -> str | None:
    """The piece of `passage` whose words are those of `quote`, markup and white space aside.

    Falls back to the line that has at least two thirds of the quote's words and a number or word of the answer.

    >>> align("| Pensioner | 6 000 |", "Membership | Fee\\nPensioner | 6 000\\nFamily | 18 000")
    'Pensioner | 6 000'
    >>> align("no such words", "Membership | Fee") is None
    True
    """
    wanted = [word.casefold() for word in _WORD.findall(quote)]
    found = [(match[0].casefold(), match.start(), match.end()) for match in _WORD.finditer(passage)]
    if not wanted:
        return None
    words = [word for word, _, _ in found]
    for start in range(len(words) - len(wanted) + 1):
        if words[start : start + len(wanted)] == wanted:
            return _trim(passage, found[start][1], found[start + len(wanted) - 1][2], quote, answer)
    return _line(wanted, passage, answer)


def _trim(passage: str, start: int, end: int, quote: str, answer: str) -> str:
    """Take along what the quote has around its words (a currency sign, a bracket), and keep to one line."""
    if start and quote.strip()[0] == passage[start - 1] and passage[start - 1] not in "|*#-_ ":
        start -= 1
    if end < len(passage) and passage[end] in "%€$£)" and passage[end] in quote[-3:]:
        end += 1
    piece = passage[start:end]
    if "\n" in piece or len(piece) > _LONGEST:
        lines = [line.strip() for line in piece.split("\n") if line.strip()]
        piece = max(lines, key=lambda line: (_shared(answer, line), len(line)))
    return piece if len(piece) <= _LONGEST else piece[:_LONGEST].rsplit(" ", 1)[0]


def _line(wanted: Sequence[str], passage: str, answer: str) -> str | None:
    """The line with most of the wanted words, if it has enough of them."""
    lines = [line.strip() for line in passage.split("\n") if line.strip()]
    shares = [sum(word in _folded(line) for word in wanted) / len(wanted) for line in lines]
    best = max(range(len(lines)), key=lambda i: (shares[i], -len(lines[i])), default=None)
    if best is None or shares[best] < 0.66 or (answer and not _shared(answer, lines[best])):
        return None
    line = lines[best]
    return line if len(line) <= _LONGEST else line[:_LONGEST].rsplit(" ", 1)[0]


def _shared(answer: str, line: str) -> int:
    return sum(word in _folded(line) for word in set(_folded(answer)))


def _folded(text: str) -> list[str]:
    return [word.casefold() for word in _WORD.findall(text)]
