"""What a refresh shows and bounds."""

import io
import sys
from pathlib import Path
from typing import Any

import pytest

from agentkit.retrieval import Knowledge, indexing


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_is_shown_to_a_terminal_only_and_on_stderr(
    docs: Path, home: Path, embedder: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(indexing, "_WORTH_SHOWING", 10)
    (docs / "a.txt").write_text("Some words that are enough.")
    Knowledge(docs, embedder=embedder).refresh()
    assert capsys.readouterr().err == ""
    (docs / "b.txt").write_text("Some more words, also enough.")
    monkeypatch.setenv("TERM", "xterm")
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    Knowledge(docs, embedder=embedder).refresh()
    assert "Reading documents" in terminal.getvalue() and capsys.readouterr().out == ""


def test_a_file_of_too_many_passages_is_refused(docs: Path, home: Path, embedder: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexing, "MAX_CHUNKS", 2)
    (docs / "long.csv").write_text("a,b\n" + "x,y\n" * 50)
    (docs / "short.txt").write_text("Short.")
    held = Knowledge(docs, embedder=embedder)
    held.refresh()
    assert held.warnings == ("long.csv: too long: 5 passages, at most 2 of one file are indexed; divide it",)


def test_a_file_above_the_size_limit_is_reported_and_not_hashed(
    docs: Path, home: Path, embedder: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexing, "MAX_BYTES", 10)
    monkeypatch.setattr("agentkit.retrieval.loaders.MAX_BYTES", 10)
    (docs / "big.txt").write_text("more than ten bytes")
    (docs / "ok.txt").write_text("Short.")
    held = Knowledge(docs, embedder=embedder)
    held.refresh()
    assert held.warnings == ("big.txt: too large: 19 bytes, at most 10 are read",)


def test_a_renamed_source_keeps_its_passages_searchable(docs: Path, home: Path, embedder: Any) -> None:
    for folder in ("x", "y"):
        (docs / folder).mkdir()
    (docs / "x" / "same.md").write_text("The first windmill.")
    held = Knowledge(docs / "x", docs / "y", embedder=embedder)
    assert held.search("windmill", k=1)[0].source == "same.md"
    (docs / "y" / "same.md").write_text("The other barn.")
    held.refresh()
    assert held.search("windmill", k=1)[0].source == "x/same.md"
