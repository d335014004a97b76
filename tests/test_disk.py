"""Writes that find no room: each says where and what to do, and an answer that was given is shown before."""

import errno
import json
import os
import sqlite3
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from agentkit import Agent, Done, replay
from agentkit.cli.lines import AnswerFile
from agentkit.disk import disk_full, is_full
from agentkit.errors import DiskFullError, ReplayError
from agentkit.models import embedded
from agentkit.record import load_record
from agentkit.testing import ScriptedModel

FULL = OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize(
    ("error", "full"),
    [
        (FULL, True),
        (OSError(errno.EFBIG, "File too large"), True),
        (OSError(errno.EACCES, "Permission denied"), False),
        (OSError("400 requested and 12 written"), True),
        (sqlite3.OperationalError("database or disk is full"), True),
        (sqlite3.OperationalError("database is locked"), False),
        (RuntimeError("Query error: No space left on device (os error 28)"), True),
        (RuntimeError("boom"), False),
    ],
)
def test_what_counts_as_a_full_disk(error: Exception, full: bool) -> None:
    assert is_full(error) is full


def test_the_message_names_the_path_the_reason_and_what_to_do() -> None:
    told = str(disk_full("the record", Path("a.jsonl"), FULL, "name a file on another disk"))
    assert told == (
        "there is no room for the record 'a.jsonl' (No space left on device): free some space there, or name a file on another disk"
    )


class Full:
    """A file that takes some events, half of the next one, and then nothing."""

    def __init__(self, file: Any, events: int) -> None:
        self._file, self._left = file, events

    def write(self, text: str) -> int:
        if self._left == 0:
            self._file.write(text[: len(text) // 2])
            self._file.flush()
            raise FULL
        self._left -= 1
        return int(self._file.write(text))

    def flush(self) -> None:
        self._file.flush()

    def close(self) -> None:
        self._file.close()


def fill_after(monkeypatch: pytest.MonkeyPatch, events: int) -> None:
    from agentkit import record

    opened = record.Recorder._open
    monkeypatch.setattr(record.Recorder, "_open", lambda self, *args: Full(opened(self, *args), events))


@pytest.mark.parametrize("events", [0, 1, 2, 3, 4])
def test_an_answer_comes_before_the_error_of_its_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, events: int) -> None:
    fill_after(monkeypatch, events)
    seen: list[Any] = []
    path = tmp_path / "run.jsonl"
    with pytest.raises(DiskFullError, match=r"no room for the record '.*run\.jsonl' \(No space left on device\): free some space"):
        seen.extend(iter_all(Agent(ScriptedModel(["Hello."]), tools=[]).stream("Hi?", record=path), seen))
    assert isinstance(seen[-1], Done)
    assert (seen[-1].answer.text, seen[-1].answer.stop_reason) == ("Hello.", "answered")


def iter_all(events: Any, into: list[Any]) -> list[Any]:
    for event in events:
        into.append(event)
    return []


def test_the_error_of_ask_carries_the_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill_after(monkeypatch, 2)
    with pytest.raises(DiskFullError) as raised:
        Agent(ScriptedModel(["Hello."]), tools=[]).ask("Hi?", record=tmp_path / "run.jsonl")
    assert raised.value.answer.text == "Hello."
    assert raised.value.exit_code == 4


def test_a_record_that_was_cut_goes_on_behind_its_last_whole_line(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "run.jsonl"
    agent = Agent(ScriptedModel(["One.", "Two."]), tools=[])
    with monkeypatch.context() as patch:
        fill_after(patch, 3)
        with pytest.raises(DiskFullError):
            agent.ask("First?", thread="t", record=path)
    assert not path.read_text(encoding="utf-8").endswith("\n")
    agent.ask("Second?", thread="t", record=path)
    assert [event["event"] for event in load_record(path).events].count("asked") == 2
    with pytest.raises(ReplayError, match=r"the record ends before the verdict of turn 1, step 1: .*killed there"):
        replay(path)


def test_an_answer_comes_before_the_error_of_its_last_checkpoint(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

    async def full(*args: Any, **options: Any) -> Any:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(AsyncSqliteSaver, "aput", full)
    seen: list[Any] = []
    with pytest.raises(DiskFullError, match=r"the threads in '.*threads\.sqlite'.*AGENTKIT_HOME"):
        iter_all(Agent(ScriptedModel(["Hello."]), tools=[]).stream("Hi?", thread="t"), seen)
    assert isinstance(seen[-1], Done)
    assert seen[-1].answer.text == "Hello."


def test_the_merged_model_that_finds_no_room_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: Any) -> None:
        raise OSError("4096 requested and 100 written")

    monkeypatch.setattr("agentkit.models.merge.merge_adapter", full)
    with pytest.raises(DiskFullError, match=r"the embedded model '.*x\.gguf' \(4096 requested.*AGENTKIT_HOME"):
        embedded._merge(tmp_path / "base", tmp_path / "adapter", tmp_path / "models" / "x.gguf")


def test_answers_that_find_no_room_are_explained_and_what_was_written_stays_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "answers.jsonl"
    answers = AnswerFile(path)
    answers.add("1", {"text": "One."})

    def full(number: int) -> None:
        raise FULL

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(DiskFullError, match=r"the answers in '.*answers\.jsonl'"):
            answers.add("2", {"text": "Two."})
    answers.close()
    assert json.loads(path.read_text(encoding="utf-8").splitlines()[0]) == {"id": "1", "text": "One."}


# ---------------------------------------------------------------------- real limits, in a process of their own

LIMITED = """
    import resource, signal, sys
    from agentkit import models
    from agentkit.cli.app import run
    from agentkit.testing import ScriptedModel

    models.load_model = lambda uri=None, **options: ScriptedModel(["It is 42."] * 3)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), resource.RLIM_INFINITY))
    sys.argv = ["agentkit", *sys.argv[2:]]
    sys.exit(run())
"""


def limited(folder: Path, limit: int, *arguments: object, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run the command line where no file may grow beyond `limit` bytes; it writes to pipes."""
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(LIMITED), str(limit), *map(str, arguments)], capture_output=True, text=True, input=stdin,
        timeout=240, cwd=folder, env={**os.environ, "AGENTKIT_HOME": str(folder / "home"), "PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip


unix = pytest.mark.skipif(os.name == "nt", reason="no limit on the size of a file")


@unix
def test_a_record_without_room_costs_no_answer(tmp_path: Path) -> None:
    done = limited(tmp_path, 2000, "ask", "What is it?", "--tool", "calculator", "--record", "run.jsonl")
    assert (done.returncode, done.stdout) == (4, "It is 42.\n")
    assert "there is no room for the record 'run.jsonl' (File too large): free some space" in done.stderr
    assert "Traceback" not in done.stderr
    assert load_record(tmp_path / "run.jsonl").events[0]["question"] == "What is it?"


@unix
def test_a_thread_without_room_is_explained(tmp_path: Path) -> None:
    done = limited(tmp_path, 6000, "chat", stdin="What is it?\n/quit\n")
    assert "there is no room for the threads in " in done.stderr
    assert "threads.sqlite" in done.stderr
    assert "Traceback" not in done.stderr


@unix
def test_an_index_without_room_is_explained(tmp_path: Path) -> None:
    (tmp_path / "hut.md").write_text("# Hut\n\nThe hut has 36 beds.\n", encoding="utf-8")
    done = limited(tmp_path, 6000, "ask", "How many beds?", "--docs", "hut.md")
    assert (done.returncode, done.stdout) == (4, "")
    assert "there is no room for the index in " in done.stderr
    assert "set AGENTKIT_HOME" in done.stderr
    assert "Traceback" not in done.stderr
