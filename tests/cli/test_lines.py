"""The questions and the answers of a batch."""

import json
from pathlib import Path

import pytest

from agentkit.cli.lines import AnswerFile, Question, read_questions
from agentkit.errors import UsageError


def _write(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def test_questions_come_in_their_order_and_blank_lines_are_passed_over(tmp_path: Path) -> None:
    path = _write(tmp_path / "q.jsonl", '{"id": "b", "question": "two"}', "", '{"id": 1, "question": "one", "more": 3}', "")
    assert read_questions(path) == [Question("b", "two"), Question(1, "one")]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("{", "not JSON"),
        ("[1]", "'[1]' is not an object"),
        ('{"question": "x"}', "'id' is None: it must be text or a whole number"),
        ('{"id": true, "question": "x"}', "'id' is True"),
        ('{"id": "a", "question": "  "}', "'question' is '  ': it must be text that is not empty"),
        ('{"id": "a", "question": 3}', "'question' is 3"),
        ('{"id": "first", "question": "again"}', "the id 'first' is that of line 1; each needs its own"),
    ],
)
def test_a_bad_line_is_told_with_its_number(line: str, problem: str, tmp_path: Path) -> None:
    path = _write(tmp_path / "q.jsonl", '{"id": "first", "question": "fine"}', line)
    with pytest.raises(UsageError) as caught:
        read_questions(path)
    assert "nothing was asked" in str(caught.value)
    assert f"line 2: {problem}" in str(caught.value)


def test_ten_bad_lines_are_shown_and_the_others_counted(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        read_questions(_write(tmp_path / "q.jsonl", *["x"] * 12))
    assert str(caught.value).count("not JSON") == 10
    assert "and 2 more" in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xff\xfe"])
def test_a_file_without_questions_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "q.jsonl"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=r"q\.jsonl"):
        read_questions(path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        read_questions(tmp_path / "none.jsonl")


def _rows(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_what_is_answered_counts_as_done_in_the_next_call(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    first = AnswerFile(path)
    first.add("a", {"text": "日本", "stop_reason": "answered"})
    first.close()
    second = AnswerFile(path)
    assert second.done == {"a"}
    second.add(2, {"text": "y", "stop_reason": "max_steps"})
    second.close()
    assert _rows(path) == [{"id": "a", "text": "日本", "stop_reason": "answered"}, {"id": 2, "text": "y", "stop_reason": "max_steps"}]


def test_a_line_that_was_cut_off_and_a_failed_answer_are_asked_again(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"id": "a", "stop_reason": "answered"}\n{"id": "b", "stop_reason": "error"}\n{"id": "c", "stop_rea', encoding="utf-8")
    answers = AnswerFile(path)
    answers.close()
    assert answers.done == {"a"}
    assert _rows(path) == [{"id": "a", "stop_reason": "answered"}]


@pytest.mark.parametrize("line", ["hello", "[1]", '{"text": "no id"}'])
def test_a_file_of_something_else_is_left_alone(line: str, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(f"{line}\n", encoding="utf-8")
    with pytest.raises(UsageError, match="line 1 is not an answer"):
        AnswerFile(path)
    assert path.read_text(encoding="utf-8") == f"{line}\n"


def test_a_path_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be written"):
        AnswerFile(tmp_path / "no folder" / "a.jsonl")


@pytest.mark.parametrize("path", [Path("/dev/full"), Path(".")])
def test_what_is_no_file_is_refused(path: Path) -> None:
    with pytest.raises(UsageError, match="is not a file"):
        AnswerFile(path)


def test_half_a_character_in_an_answer_does_not_end_the_batch(tmp_path: Path) -> None:
    answers = AnswerFile(tmp_path / "a.jsonl")
    answers.add("a", {"text": "half \ud800"})
    answers.close()
    assert _rows(tmp_path / "a.jsonl") == [{"id": "a", "text": "half \ud800"}]
