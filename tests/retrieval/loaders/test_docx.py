"""DOCX: headings, paragraphs and tables in order."""

import zipfile
from pathlib import Path

import docx
import pytest

from agentkit.errors import DocumentError
from agentkit.retrieval.loaders import load
from agentkit.retrieval.loaders.docx import read


@pytest.fixture
def handbook(tmp_path: Path) -> Path:
    document = docx.Document()
    document.add_heading("Handbook", 0)
    document.add_paragraph("Read this in May.")
    document.add_heading("Supplies", 1)
    table = document.add_table(rows=3, cols=2)
    for row, cells in zip(table.rows, [("Hut", "Load"), ("Mill", "750 kg"), ("Yard", "")], strict=True):
        for cell, text in zip(row.cells, cells, strict=True):
            cell.text = text
    document.add_paragraph("The mule is called Linde.")
    document.add_paragraph("rope", style="List Bullet")
    document.add_heading("Water", 1)
    document.add_paragraph("Boil it.\nTwice.")
    path = tmp_path / "handbook.docx"
    document.save(str(path))
    return path


def test_paragraphs_and_tables_come_in_the_order_of_the_document(handbook: Path) -> None:
    assert [(block.text, block.path, block.row) for block in read(handbook)] == [
        ("Read this in May.", ("Handbook",), None),
        ("Mill | 750 kg", ("Handbook", "Supplies"), 1),
        ("Yard", ("Handbook", "Supplies"), 2),
        ("The mule is called Linde.", ("Handbook", "Supplies"), None),
        ("- rope", ("Handbook", "Supplies"), None),
        ("Boil it.\nTwice.", ("Handbook", "Water"), None),
    ]


def test_the_first_row_heads_a_table(handbook: Path) -> None:
    assert {block.header for block in read(handbook) if block.row} == {"Hut | Load"}


def test_a_cell_over_columns_appears_once(tmp_path: Path) -> None:
    document = docx.Document()
    table = document.add_table(rows=2, cols=3)
    table.cell(0, 0).text, table.cell(1, 2).text = "a", "z"
    table.cell(1, 0).merge(table.cell(1, 1)).text = "wide"
    document.save(str(tmp_path / "t.docx"))
    assert [block.text for block in read(tmp_path / "t.docx")] == ["wide | | z"]


def test_a_table_of_one_row_is_shown(tmp_path: Path) -> None:
    document = docx.Document()
    document.add_table(rows=1, cols=1).cell(0, 0).text = "alone"
    document.save(str(tmp_path / "t.docx"))
    assert [block.text for block in read(tmp_path / "t.docx")] == ["alone"]


def test_what_is_no_archive_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.docx").write_bytes(b"PK\x03\x04 nothing")
    with pytest.raises(DocumentError, match="not a DOCX archive"):
        load(tmp_path / "x.docx")


def test_an_archive_without_a_document_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.docx", "w") as archive:
        archive.writestr("a.txt", "hello")
    with pytest.raises(DocumentError, match="broken file"):
        load(tmp_path / "x.docx")


def test_an_archive_bomb_is_not_unpacked(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.docx", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", " " * 210_000_000)
    with pytest.raises(DocumentError, match="archive bomb"):
        load(tmp_path / "x.docx")
