"""`agentkit replay`: the recorded run again, without a model."""

from pathlib import Path

import pytest

from tests.cli.conftest import SUM, Cli, Script


@pytest.fixture
def record(cli: Cli, script: Script, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The record of a sum, and no model any more."""
    script(SUM, "It is 42.")
    path = tmp_path / "run.jsonl"
    assert cli("ask", "six times seven?", "--tool", "calculator", "--record", path).code == 0
    monkeypatch.setattr("agentkit.models.load_model", None, raising=False)
    return path


def test_a_replay_shows_the_run_as_it_was(cli: Cli, record: Path) -> None:
    done = cli("replay", record)
    assert (done.code, done.out) == (0, "It is 42.\n")
    assert 'calculator expression="6*7"' in done.err


def test_a_replay_as_json_is_the_answer(cli: Cli, record: Path) -> None:
    assert '"text": "It is 42."' in cli("replay", record, "--json").out


def test_a_record_that_was_changed_is_told_loudly(cli: Cli, record: Path) -> None:
    record.write_text(record.read_text(encoding="utf-8").replace("helpful assistant", "gruff assistant"), encoding="utf-8")
    done = cli("replay", record)
    assert done.code == 3
    assert "differs from the record" in done.err


@pytest.mark.parametrize("content", [None, b"", b"hello\n", b"\xff\xfe"])
def test_a_file_that_is_no_record_is_wrong_use(content: bytes | None, cli: Cli, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "x.jsonl").write_bytes(content)
    done = cli("replay", tmp_path / "x.jsonl")
    assert (done.code, done.out) == (2, "")
    assert "x.jsonl" in done.err
