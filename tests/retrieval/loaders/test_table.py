"""CSV and TSV: rows under a header, whatever the delimiter and encoding."""

from pathlib import Path

import pytest

from agentkit.errors import DocumentError
from agentkit.retrieval.blocks import Block
from agentkit.retrieval.loaders.table import read


def read_bytes(tmp_path: Path, data: bytes, name: str = "t.csv") -> list[Block]:
    path = tmp_path / name
    path.write_bytes(data)
    return read(path)


@pytest.mark.parametrize("delimiter", [",", ";", "|", "\t"])
def test_the_delimiter_is_found(tmp_path: Path, delimiter: str) -> None:
    rows = [["hut", "opens"], ["Gannet", "1 May"], ["Plover", "2 June"]]
    blocks = read_bytes(tmp_path, "\n".join(delimiter.join(row) for row in rows).encode())
    assert [(block.text, block.row, block.header) for block in blocks] == [
        ("Gannet | 1 May", 1, "hut | opens"),
        ("Plover | 2 June", 2, "hut | opens"),
    ]


def test_commas_in_quotes_and_in_prose_do_not_mislead(tmp_path: Path) -> None:
    blocks = read_bytes(tmp_path, b'name;note\nLamp;"red, green, and ""blue"""\nRope;long, strong\n')
    assert [block.text for block in blocks] == ['Lamp | red, green, and "blue"', "Rope | long, strong"]


def test_empty_rows_are_left_out_but_counted_and_ragged_ones_are_kept(tmp_path: Path) -> None:
    blocks = read_bytes(tmp_path, b"a,b\n1\n,\n1,,3\n")
    assert [(block.text, block.row) for block in blocks] == [("1", 1), ("1 | | 3", 3)]


def test_tsv_is_delimited_by_tabs_even_if_commas_are_more(tmp_path: Path) -> None:
    assert [block.text for block in read_bytes(tmp_path, b"a\tb,c,d\n1\t2,3,4\n", "t.tsv")] == ["1 | 2,3,4"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_encodings_of_spreadsheets_are_read(tmp_path: Path, encoding: str) -> None:
    assert [block.text for block in read_bytes(tmp_path, "Straße,Höhe\nMühle,3\n".encode(encoding))] == ["Mühle | 3"]


def test_a_header_alone_is_shown(tmp_path: Path) -> None:
    assert [block.text for block in read_bytes(tmp_path, b"a,b\n")] == ["a | b"]


def test_nothing_gives_nothing(tmp_path: Path) -> None:
    assert read_bytes(tmp_path, b"\n\n") == []


def test_a_cell_without_end_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match="broken table"):
        read_bytes(tmp_path, b'a,b\n"' + b"x" * 1_100_000)
