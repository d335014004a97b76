"""Text: paragraphs with their lines, headings told from letterheads, code left alone."""

from pathlib import Path

import pytest

from agentkit.errors import DocumentError
from agentkit.retrieval.blocks import Block
from agentkit.retrieval.loaders.text import decode, read


def read_text(tmp_path: Path, text: str, name: str = "a.txt") -> list[Block]:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return read(path)


def test_paragraphs_keep_their_lines(tmp_path: Path) -> None:
    blocks = read_text(tmp_path, "First one.\n\n\nSecond one.\nStill it.\n")
    assert [(block.text, block.lines) for block in blocks] == [("First one.", (1, 1)), ("Second one.\nStill it.", (4, 5))]


def test_headings_stand_in_the_path_and_stay_in_the_text(tmp_path: Path) -> None:
    long = "Quiet is from ten in the evening until half past five in the morning, every day."
    blocks = read_text(tmp_path, f"HOUSE RULES\n\n3. Night\n{long}\n\nSleeping\n{long}\n")
    assert [block.path for block in blocks] == [("HOUSE RULES",), ("HOUSE RULES", "3. Night"), ("HOUSE RULES", "Sleeping")]
    assert blocks[1].text == f"3. Night\n{long}"


@pytest.mark.parametrize("line", ["Dear Ms Cray,", "Haldern, 3 May 1913", "It rained.", "12:30", "- salt"])
def test_short_lines_of_letters_and_lists_are_no_headings(tmp_path: Path, line: str) -> None:
    blocks = read_text(tmp_path, f"Some words at first.\n\n{line}\n\nMore words, which go on.")
    assert {block.path for block in blocks} == {()}


@pytest.mark.parametrize(
    ("first", "title"), [("Swap day", "Swap day"), ("A LETTER\n(a copy)", "A LETTER"), ("Dear all,", ""), ("It rains.", "")]
)
def test_the_first_line_may_be_the_title(tmp_path: Path, first: str, title: str) -> None:
    assert read_text(tmp_path, f"{first}\n\nOn Sunday we meet.")[1].path == ((title,) if title else ())


def test_hard_wrapped_prose_is_joined_and_lists_are_not(tmp_path: Path) -> None:
    wrapped = "The pump is started by hand when the electricity has\nfailed, and not before the fuse was looked at by two\npeople."
    blocks = read_text(tmp_path, f"{wrapped}\n\nChannel 3 rescue\nChannel 7 huts\n")
    assert [block.text for block in blocks] == [wrapped.replace("\n", " "), "Channel 3 rescue\nChannel 7 huts"]


def test_ruled_titles_lose_the_rule(tmp_path: Path) -> None:
    blocks = read_text(tmp_path, "Minutes\n=======\nAll were present.\n")
    assert [(block.text, block.path) for block in blocks] == [("Minutes\nAll were present.", ("Minutes",))]


def test_code_keeps_its_indentation(tmp_path: Path) -> None:
    blocks = read_text(tmp_path, "def f(x):\n\treturn x\n\n\nprint(f(1))\n", "a.py")
    assert [(block.text, block.lines) for block in blocks] == [("def f(x):\n    return x", (1, 2)), ("print(f(1))", (5, 5))]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_usual_encodings_are_decoded(encoding: str) -> None:
    assert decode("Grüße – äöü".encode(encoding)) == "Grüße – äöü"


@pytest.mark.parametrize("data", [bytes(range(256)), b"\xff\x01\x02\x03\x04\x05\x06" * 9, b"PK\x03\x04\0\0"])
def test_binary_is_refused(data: bytes) -> None:
    with pytest.raises(DocumentError, match="binary"):
        decode(data)
