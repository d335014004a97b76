"""`agentkit batch`: a line each as they finish, and a second call that goes on."""

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from agentkit.errors import ModelError
from tests.cli.conftest import Cli, Script


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    """Three questions."""
    path = tmp_path / "questions.jsonl"
    path.write_text("".join(json.dumps({"id": id_, "question": f"question {id_}"}) + "\n" for id_ in ("a", "b", 3)), encoding="utf-8")
    return path


def _rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _batch(cli: Cli, questions: Path, *more: object) -> Any:
    return cli("batch", questions, "--out", questions.with_name("answers.jsonl"), "--tool", "calculator", *more)


def test_every_question_gets_its_answer_with_its_id(cli: Cli, script: Script, questions: Path) -> None:
    script(lambda messages: f"answer to {messages[-1].content}")
    done = _batch(cli, questions)
    rows = _rows(questions.with_name("answers.jsonl"))
    assert (done.code, done.out, done.err) == (0, "", "agentkit: 3 of 3\n")
    assert [(row["id"], row["text"]) for row in rows] == [(id_, f"answer to question {id_}") for id_ in ("a", "b", 3)]
    assert {row["stop_reason"] for row in rows} == {"answered"}
    assert sorted(rows[0]) == ["citations", "critiques", "id", "pending", "steps", "stop_reason", "text", "usage", "value"]


def test_ctrl_c_keeps_what_is_finished_and_a_second_call_goes_on(cli: Cli, script: Script, questions: Path) -> None:
    def interrupted(messages: object) -> str:
        os.kill(os.getpid(), signal.SIGINT)
        return "lost"

    script("first", interrupted)
    done = _batch(cli, questions)
    assert done.code == 130
    assert "1 of 3 were answered and are kept. The same command goes on from here." in done.err
    model = script("second", "third")
    done = _batch(cli, questions)
    assert (done.code, "1 of 3 are answered already" in done.err) == (0, True)
    assert [row["text"] for row in _rows(questions.with_name("answers.jsonl"))] == ["first", "second", "third"]
    model.assert_done()


def test_a_finished_batch_needs_no_model(cli: Cli, script: Script, questions: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script("1", "2", "3")
    _batch(cli, questions)
    monkeypatch.setattr("agentkit.models.load_model", None, raising=False)
    assert _batch(cli, questions).code == 0


def test_a_question_that_fails_is_told_and_asked_again(cli: Cli, script: Script, questions: Path) -> None:
    script("first", ModelError("the endpoint is down"), "third")
    done = _batch(cli, questions)
    assert done.code == 4
    assert "b: the endpoint is down" in done.err
    rows = _rows(questions.with_name("answers.jsonl"))
    assert (rows[1]["id"], rows[1]["stop_reason"], rows[1]["error"]) == ("b", "error", "the endpoint is down")
    script("second")
    assert _batch(cli, questions).code == 0
    assert {row["id"]: row["text"] for row in _rows(questions.with_name("answers.jsonl"))} == {"a": "first", 3: "third", "b": "second"}


def test_a_model_that_is_down_is_not_asked_for_ever(cli: Cli, script: Script, questions: Path) -> None:
    with questions.open("a", encoding="utf-8") as file:
        file.writelines(json.dumps({"id": id_, "question": "more"}) + "\n" for id_ in "cdef")
    model = script(ModelError("down"), ModelError("down"), ModelError("down"), "never asked")
    done = _batch(cli, questions)
    assert done.code == 4
    assert "3 questions in a row failed, the last with: down" in done.err
    assert len(model.requests) == 3


def test_each_question_has_a_record_of_its_own(cli: Cli, script: Script, questions: Path, tmp_path: Path) -> None:
    script("1", "2", "3")
    _batch(cli, questions, "--record", tmp_path / "run.jsonl")
    assert sorted(path.name for path in tmp_path.glob("run.*")) == ["run.3.jsonl", "run.a.jsonl", "run.b.jsonl"]


def test_the_questions_are_never_written_over(cli: Cli, questions: Path) -> None:
    before = questions.read_bytes()
    done = cli("batch", questions, "--out", questions)
    assert (done.code, questions.read_bytes()) == (2, before)
    assert "file of the questions" in done.err


def test_a_bad_line_is_told_before_anything_is_asked(cli: Cli, questions: Path) -> None:
    with questions.open("a", encoding="utf-8") as file:
        file.write("{\n")
    done = _batch(cli, questions)
    assert (done.code, questions.with_name("answers.jsonl").exists()) == (2, False)
    assert "line 4: not JSON" in done.err


def test_out_is_needed(cli: Cli, questions: Path) -> None:
    done = cli("batch", questions)
    assert done.code == 2
    assert "--out" in done.err
