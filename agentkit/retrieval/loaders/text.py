"""Plain text and code: paragraphs with their lines; lines that stand as headings give the section."""

import re
from pathlib import Path

from agentkit.errors import DocumentError
from agentkit.retrieval.blocks import Block, one_line

__all__ = ["decode", "read"]

_PROSE = {"", ".text", ".txt"}
_NUMBERED = re.compile(r"(?:\d{1,3}(?:\.\d{1,3})*[.)]?|[IVXLC]{1,6}\.|[A-Z][.)])\s+\S")
_RULE = re.compile(r"([=\-~*_#])\1{2,}\s*")
_LONGEST_HEADING = 70
_ENDS = tuple(".,;:!?)")


def read(path: Path) -> list[Block]:
    """The paragraphs of a text file, or the parts of a code file."""
    lines = decode(path.read_bytes()).splitlines()
    return _prose(lines) if path.suffix.lower() in _PROSE else _code(lines)


def decode(data: bytes) -> str:
    """Bytes as text: by byte order mark, UTF-8, else Windows-1252.

    Raises:
        DocumentError: the bytes are not text.
    """
    for mark, encoding in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if data.startswith(mark):
            return data.decode(encoding, errors="replace")
    if b"\0" in data[:65_536]:
        raise DocumentError("binary, not text")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        text = data.decode("cp1252", errors="replace")
    strange = sum(text.count(chr(code)) for code in range(32) if code not in (9, 10, 12, 13, 27))
    if (strange + text.count("\ufffd")) * 20 > len(text):
        raise DocumentError("binary, not text")
    return text


def _prose(lines: list[str]) -> list[Block]:
    blocks: list[Block] = []
    title, section = "", ""
    for start, paragraph in _paragraphs(lines):
        heading = one_line(paragraph[0]) if (_is_heading(paragraph) or (not blocks and _is_title(paragraph))) else ""
        if heading and not blocks:
            title = heading
        elif heading:
            section = heading
        text, verbatim = _layout(paragraph, bool(heading))
        if text:
            path = tuple(part for part in (title, section) if part)
            blocks.append(Block(text=text, path=path, lines=(start, start + len(paragraph) - 1), verbatim=verbatim))
    return blocks


def _paragraphs(lines: list[str]) -> list[tuple[int, list[str]]]:
    """Runs of lines without a blank one, each with the number of its first line."""
    found: list[tuple[int, list[str]]] = []
    open_run = False
    for number, line in enumerate(lines, 1):
        if not line.strip():
            open_run = False
        elif open_run:
            found[-1][1].append(line)
        else:
            found.append((number, [line]))
            open_run = True
    return found


def _is_title(paragraph: list[str]) -> bool:
    """Whether a file's first line is its title: short, no end of a sentence, and alone or in capitals."""
    line = paragraph[0].strip()
    return len(line) <= _LONGEST_HEADING and line[-1:] not in _ENDS and (len(paragraph) == 1 or line.isupper()) and _has_letter(line)


def _has_letter(line: str) -> bool:
    return any(map(str.isalpha, line))


def _is_heading(paragraph: list[str]) -> bool:
    """Whether the first line stands above the rest: short, no end of a sentence, and numbered, in capitals, ruled, or above prose."""
    line = paragraph[0].strip()
    if len(line) > _LONGEST_HEADING or line[-1:] in _ENDS or not _has_letter(line):
        return False
    if len(paragraph) == 1:
        return line.isupper()
    rest = paragraph[1].strip()
    if _RULE.fullmatch(rest):
        return True
    longest = max(len(other.strip()) for other in paragraph[1:])
    titled = line[0].isupper() and len(line) < 40 and longest > 60
    return longest > 1.5 * len(line) and (titled or line.isupper() or bool(_NUMBERED.match(line)))


def _layout(paragraph: list[str], heading: bool) -> tuple[str, bool]:
    """The paragraph's text, and whether its line breaks are kept: hard-wrapped prose is joined, lists and addresses are not."""
    shown = [one_line(line) for line in paragraph if not _RULE.fullmatch(line.strip())]
    body = shown[1:] if heading else shown
    if _is_wrapped(body):
        body = [" ".join(body)]
    shown = [*shown[:1], *body] if heading else body
    return "\n".join(shown), len(shown) > 1


def _is_wrapped(lines: list[str]) -> bool:
    """Whether line breaks come from a margin: all lines but the last about as long, or the second of two goes on in small letters."""
    lengths = [len(line) for line in lines[:-1]]
    if not lengths or min(lengths) < 50 or max(lengths) > 100 or max(lengths) - min(lengths) >= 25:
        return False
    return len(lines) > 2 or lines[1][:1].islower()


def _code(lines: list[str]) -> list[Block]:
    blocks = []
    for start, paragraph in _paragraphs(lines):
        text = "\n".join(line.rstrip().expandtabs(4) for line in paragraph)
        blocks.append(Block(text=text, lines=(start, start + len(paragraph) - 1), verbatim=True))
    return blocks
