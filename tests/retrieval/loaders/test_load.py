"""One door to all readers."""

from pathlib import Path

import pytest

from agentkit.errors import DocumentError
from agentkit.retrieval import loaders
from agentkit.retrieval.loaders import load


@pytest.mark.parametrize(
    ("name", "text"), [("a.MD", "# T\n\nx"), ("a.json", '{"a": 1}'), ("Makefile", "demo:\n\techo x"), ("a.htm", "<p>x")]
)
def test_the_suffix_chooses_the_reader(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    assert load(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("a.txt", b"", "no text"),
        ("a.md", b"# Only a heading\n", "no text"),
        ("a.png", b"\x89PNG\0\0", "binary"),
        ("a.xlsx", b"PK", "save it as"),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_reason(tmp_path: Path, name: str, data: bytes, reason: str) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(DocumentError, match=reason):
        load(tmp_path / name)


def test_a_file_that_is_gone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match="No such file"):
        load(tmp_path / "gone.txt")


def test_a_file_that_is_too_large_is_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loaders, "MAX_BYTES", 10)
    (tmp_path / "a.txt").write_text("twelve bytes")
    with pytest.raises(DocumentError, match="12 bytes, at most 10"):
        load(tmp_path / "a.txt")
