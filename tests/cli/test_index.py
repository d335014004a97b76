"""`agentkit index` and `agentkit search`."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Cli


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    """Two readable files and one that is not."""
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "prices.md").write_text("# Prices\n\nA bed costs 24.00 a night.\n", encoding="utf-8")
    (folder / "rules.txt").write_text("Boots stay in the cellar.\n", encoding="utf-8")
    (folder / "photo.docx").write_bytes(b"\x89PNG\r\n\x1a\n\x00\x00")
    return folder


def test_documents_are_read_once_and_what_cannot_be_read_is_told(cli: Cli, docs: Path) -> None:
    done = cli("index", docs)
    assert (done.code, done.out) == (0, "2 files, 2 passages (3 files read, 0 removed)\n")
    assert "left out: photo.docx: " in done.err
    assert "(0 files read, 0 removed)" in cli("index", docs).out
    assert json.loads(cli("index", docs, "--json").out)["files"] == 2


def test_an_index_with_a_name_is_found_by_it(cli: Cli, docs: Path) -> None:
    cli("index", docs, "--name", "hut")
    done = cli("search", "what is a bed", "--name", "hut", "--k", "1")
    assert done.code == 0
    assert "prices.md, Prices\nA bed costs 24.00 a night.\n" in done.out


def test_search_as_json_is_a_list_of_passages(cli: Cli, docs: Path) -> None:
    done = cli("search", "where do boots go", "--docs", docs, "--json")
    hits = json.loads(done.out)
    assert sorted(hits[0]) == ["location", "score", "scores", "source", "text"]
    assert hits[0]["source"] == "rules.txt"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["index", "no/such"], "no/such"),
        (["index", "."], "the folder is empty"),
        (["index"], "Missing argument"),
        (["index", ".", "--name", "../x"], "an index cannot be named '../x'"),
        (["search", "x"], "give either --docs PATH or --name NAME"),
        (["search", "x", "--name", "none"], "no index is named 'none'"),
        (["search", " ", "--docs", "."], "empty"),
    ],
)
def test_wrong_use_is_told_and_leaves_with_2(arguments: list[str], message: str, cli: Cli) -> None:
    done = cli(*arguments)
    assert (done.code, done.out) == (2, "")
    assert message in done.err
