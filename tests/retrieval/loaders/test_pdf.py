"""PDF: lines, headings and tables from where the text stands."""

from collections.abc import Callable
from pathlib import Path

import pypdf
import pytest

from agentkit.errors import DocumentError
from agentkit.retrieval.loaders import load
from agentkit.retrieval.loaders.pdf import read

TextAt = tuple[str, float, float, float, bool]
MakePdf = Callable[[list[list[TextAt]]], Path]


def lines(*texts: str, top: float = 700, size: float = 10, bold: bool = False) -> list[TextAt]:
    return [(text, 70, top - 12 * number, size, bold) for number, text in enumerate(texts)]


def test_lines_become_paragraphs_under_headings_with_their_page(make_pdf: MakePdf) -> None:
    first = [
        *lines("Winter", top=780, size=18, bold=True),
        *lines("In winter the mountains belong to people who read", "the bulletin."),
    ]
    second = [*lines("Keys", top=780, size=14, bold=True), *lines("A key costs 50 thalers and is given back within a week of the day")]
    blocks = read(make_pdf([first, second]))
    assert [(block.text, block.path, block.page) for block in blocks] == [
        ("In winter the mountains belong to people who read the bulletin.", ("Winter",), 1),
        ("A key costs 50 thalers and is given back within a week of the day", ("Winter", "Keys"), 2),
    ]


def test_cells_that_stand_apart_are_a_table(make_pdf: MakePdf) -> None:
    rows = [("Hut", "Places", "Stove"), ("Mill", "12", "wood"), ("Yard", "6", "gas")]
    table = [(cell, 70 + 120 * column, 700 - 18 * row, 10, False) for row, cells in enumerate(rows) for column, cell in enumerate(cells)]
    page = [*lines("What follows is the list of all the winter rooms of ours.", top=760), *table]
    blocks = read(make_pdf([page]))
    assert [(block.text, block.row, block.header) for block in blocks[1:]] == [
        ("Mill | 12 | wood", 1, "Hut | Places | Stove"),
        ("Yard | 6 | gas", 2, "Hut | Places | Stove"),
    ]


def test_a_word_divided_at_the_end_of_a_line_is_joined(make_pdf: MakePdf) -> None:
    [block] = read(make_pdf([lines("The deposit is given back as soon as the transcei-", "ver has been returned.")]))
    assert block.text == "The deposit is given back as soon as the transceiver has been returned."


def test_paragraphs_end_where_a_line_ends_short_or_the_gap_is_larger(make_pdf: MakePdf) -> None:
    page = [
        *lines("This is a line of the first paragraph of the page,", "which ends here.", "This is the second paragraph, of only one line."),
        *lines("And this is the third, after a gap that is larger.", top=640),
    ]
    assert len(read(make_pdf([page]))) == 3


def test_a_heading_of_two_lines_is_one(make_pdf: MakePdf) -> None:
    page = [
        *lines("On the care", "of boats", top=760, size=16, bold=True),
        *lines("Wash them every month, and paint them every other year."),
    ]
    assert [block.path for block in read(make_pdf([page]))] == [("On the care of boats",)]


def test_a_scan_has_no_text_layer(make_pdf: MakePdf) -> None:
    with pytest.raises(DocumentError, match="no text layer"):
        load(make_pdf([[]]))


def test_an_encrypted_file_is_refused(make_pdf: MakePdf, tmp_path: Path) -> None:
    writer = pypdf.PdfWriter(clone_from=make_pdf([lines("Secret.")]))
    writer.encrypt("password", algorithm="RC4-128")
    writer.write(tmp_path / "locked.pdf")
    with pytest.raises(DocumentError, match="encrypted"):
        load(tmp_path / "locked.pdf")


@pytest.mark.parametrize(
    "data", [b"%PDF-1.4 and nothing", b"no pdf at all", b"%PDF-1.4\n1 0 obj\n<< /Type /Catalog /Pages 1 0 R >>\nendobj\n"]
)
def test_a_broken_file_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "x.pdf").write_bytes(data)
    with pytest.raises(DocumentError):
        load(tmp_path / "x.pdf")


def test_a_cut_file_is_read_or_refused_but_never_crashes(make_pdf: MakePdf, tmp_path: Path) -> None:
    whole = make_pdf([lines("Some text that may be found again.")]).read_bytes()
    refused = 0
    for end in range(0, len(whole), 97):
        (tmp_path / "cut.pdf").write_bytes(whole[:end])
        try:
            load(tmp_path / "cut.pdf")
        except DocumentError:
            refused += 1
    assert refused > 0
