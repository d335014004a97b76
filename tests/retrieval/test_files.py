"""Which files are read, and under which names."""

import os
from pathlib import Path

import pytest

from agentkit.errors import DocumentError
from agentkit.retrieval import files
from agentkit.retrieval.files import check, find


def write(path: Path, text: str = "x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_sources_are_relative_to_the_folder_that_was_named(docs: Path) -> None:
    write(docs / "b.md"), write(docs / "deep" / "er" / "a.md"), write(docs / ".hidden" / "c.md"), write(docs / "~$lock.docx")
    found, skipped = find([docs])
    assert [file.source for file in found] == ["b.md", "deep/er/a.md"] and not skipped


def test_a_named_file_is_cited_by_its_name(docs: Path) -> None:
    assert [file.source for file in find([write(docs / "a" / "b.md")])[0]] == ["b.md"]


def test_the_same_file_named_twice_is_read_once(docs: Path) -> None:
    file = write(docs / "b.md")
    assert [found.source for found in find([docs, file])[0]] == ["b.md"]


def test_files_of_one_name_are_told_apart(docs: Path) -> None:
    write(docs / "x" / "same.md"), write(docs / "y" / "same.md"), write(docs / "y" / "own.md")
    assert [file.source for file in find([docs / "x", docs / "y"])[0]] == ["x/same.md", "own.md", "y/same.md"]


def test_links_out_of_the_folder_and_loops_are_skipped_and_reported(docs: Path, tmp_path: Path) -> None:
    write(docs / "in" / "a.md"), write(tmp_path / "secret.txt")
    (docs / "out.txt").symlink_to(tmp_path / "secret.txt")
    (docs / "in" / "loop").symlink_to(docs)
    (docs / "gone.md").symlink_to("nowhere")
    found, skipped = find([docs])
    assert [file.source for file in found] == ["in/a.md"]
    assert {item.source: item.reason for item in skipped} == {
        "out.txt": "a link that leads out of the folder",
        "in/loop": "a link to a folder that was read already",
        "gone.md": "a link that leads nowhere",
    }


def test_a_link_inside_the_folder_is_followed(docs: Path) -> None:
    write(docs / "a.md")
    (docs / "b.md").symlink_to("a.md")
    assert [file.source for file in find([docs])[0]] == ["a.md", "b.md"]


def test_what_is_no_regular_file_is_never_opened(docs: Path) -> None:
    os.mkfifo(docs / "pipe.txt")
    found, skipped = find([docs])
    assert not found and [item.reason for item in skipped] == ["not a regular file"]


def test_a_folder_that_cannot_be_opened_is_reported(docs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied")

    write(docs / "a.md")
    monkeypatch.setattr(os, "scandir", refuse)
    assert [(item.source, item.reason) for item in find([docs])[1]] == [(".", "cannot be opened: Permission denied")]


def test_files_beyond_the_limit_are_reported(docs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MAX_FILES", 2)
    for name in "abcd":
        write(docs / name)
    found, skipped = find([docs])
    assert len(found) == 2 and [item.source for item in skipped] == ["c", "d"]


def test_paths_that_are_not_there_are_named(docs: Path) -> None:
    with pytest.raises(DocumentError, match=r"no file or folder '.*missing'.*check the spelling"):
        check([docs, docs / "missing"])
    with pytest.raises(DocumentError, match="no documents were named"):
        check([])
