"""Documents that can't be read are told by the agent, once each."""

import warnings
from collections.abc import Callable
from pathlib import Path

import pypdf
import pytest

from agentkit import Agent, Knowledge
from agentkit.cli.app import _tell
from agentkit.errors import DocumentWarning
from agentkit.testing import ScriptedModel


def scan(path: Path) -> Path:
    writer = pypdf.PdfWriter()
    writer.add_blank_page(width=200, height=200)
    writer.write(path)
    return path


@pytest.fixture
def documents(tmp_path: Path, home: Path) -> list[Path]:
    """A file that can be read beside a scan, bytes, a broken PDF and an empty folder."""
    folder = tmp_path / "papers"
    folder.mkdir()
    (folder / "hut.md").write_text("# Hut\n\nThe hut has 36 beds.\n", encoding="utf-8")
    scan(folder / "scan.pdf")
    (folder / "data.bin").write_bytes(bytes(range(256)) * 8)
    (folder / "broken.pdf").write_bytes(b"%PDF-1.4\n%%EOF\n")
    (tmp_path / "nothing").mkdir()
    return [folder, tmp_path / "nothing"]


def told_by(work: Callable[[], object]) -> list[str]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        work()
    return sorted(str(item.message) for item in caught if issubclass(item.category, DocumentWarning))


def test_each_document_that_cannot_be_read_is_told_once(documents: list[Path]) -> None:
    agent = Agent(ScriptedModel(["One.", "Two.", "Three."]), documents=documents, tools=[])
    told = told_by(lambda: agent.ask("First?"))
    assert [line.partition(": ")[2].partition(":")[0] for line in told] == ["broken.pdf", "data.bin", "nothing", "scan.pdf"]
    assert "left out: nothing: the folder is empty" in told
    assert any("no text layer" in line for line in told)
    assert told_by(lambda: agent.ask("Second?")) == []
    (documents[0] / "later.pdf").write_bytes(b"%PDF-1.4\n")
    assert [line.startswith("left out: later.pdf: ") for line in told_by(lambda: agent.ask("Third?"))] == [True]


def test_what_the_owner_of_a_knowledge_was_told_is_not_told_again(documents: list[Path]) -> None:
    read = Knowledge(documents)
    assert len(read.refresh().warnings) == 4
    assert told_by(lambda: Agent(ScriptedModel(["Hi."]), documents=read, tools=[]).ask("Hello?")) == []
    assert len(told_by(lambda: Agent(ScriptedModel(["Hi."]), documents=Knowledge(documents), tools=[]).ask("Hello?"))) == 4


def test_documents_that_can_all_be_read_are_told_nothing_of(documents: list[Path]) -> None:
    agent = Agent(ScriptedModel(["Hi."]), documents=documents[0] / "hut.md", tools=[])
    assert told_by(lambda: agent.ask("Hello?")) == []


def test_the_command_line_shows_it_as_it_shows_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    _tell(DocumentWarning("left out: scan.pdf: no text layer"), DocumentWarning, "x.py", 1)
    assert capsys.readouterr().err == "agentkit: left out: scan.pdf: no text layer\n"
