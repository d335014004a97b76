"""`agentkit ask`: answers, exit codes, and what goes where."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from agentkit.errors import ModelError
from tests.cli.conftest import SUM, Cli, Script


def test_the_answer_goes_to_stdout_and_the_steps_to_stderr(cli: Cli, script: Script) -> None:
    script(SUM, "It is 42.")
    done = cli("ask", "six times seven?", "--tool", "calculator")
    assert (done.code, done.out) == (0, "It is 42.\n")
    assert done.err == '    I compute it.\n 1  calculator expression="6*7"\n    Result of calculator:\n    42\n'


def test_json_is_one_object_on_stdout_and_nothing_else(cli: Cli, script: Script) -> None:
    script(SUM, "It is 42.")
    done = cli("ask", "six times seven?", "--tool", "calculator", "--json")
    answer = json.loads(done.out)
    assert (done.code, done.err, done.out.count("\n")) == (0, "", 1)
    assert sorted(answer) == ["citations", "critiques", "pending", "steps", "stop_reason", "text", "usage", "value"]
    step = {"step": 1, "thought": "I compute it.", "tool": "calculator", "args": {"expression": "6*7"}}
    assert answer["steps"] == [{**step, "observation": "Result of calculator:\n42"}]


def test_a_run_that_was_stopped_leaves_with_3(cli: Cli, script: Script) -> None:
    script(lambda messages: SUM if messages[-1].type == "human" else "As far as I came: 42.")
    done = cli("ask", "six times seven?", "--tool", "calculator", "--max-steps", "1")
    assert done.code == 3
    assert "stopped after the allowed number of steps" in done.err


def test_a_model_that_fails_leaves_with_4(cli: Cli, script: Script) -> None:
    script(ModelError("the endpoint does not answer"))
    done = cli("ask", "hello?", "--tool", "calculator")
    assert (done.code, done.out, done.err) == (4, "", "agentkit: the endpoint does not answer\n")


@pytest.mark.parametrize("question", ["", "  \n"])
def test_an_empty_question_is_wrong_use(question: str, cli: Cli) -> None:
    done = cli("ask", question)
    assert done.code == 2
    assert "is empty" in done.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Missing argument"),
        (["q", "--max-steps", "many"], "--max-steps"),
        (["q", "--max-steps", "-1"], "--max-steps"),
        (["q", "--no-such-option"], "No such option"),
        (["q", "--model", "gpt"], "allowed are embedded, llama-cpp:PATH.gguf, openai:NAME"),
        (["q", "--model", "llama-cpp:missing.gguf"], "missing.gguf"),
        (["q", "--base-url", "nowhere"], "base_url = 'nowhere'"),
        (["q", "--set", "temperature"], "NAME=VALUE"),
        (["q", "--set", "temperature=hot"], "temperature = 'hot' (from an argument)"),
        (["q", "--set", "colour=red"], "there is no setting 'colour'"),
        (["q", "--name", "a", "--docs", "b"], "Give one"),
    ],
)
def test_wrong_use_is_told_and_leaves_with_2(arguments: list[str], message: str, cli: Cli) -> None:
    done = cli("ask", *arguments)
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--tool", "calculater"], "did you mean 'calculator'?"),
        (["--docs", "no/such/folder"], "no/such/folder"),
        (["--docs", "."], "the folder is empty"),
        (["--name", "office"], "no index is named 'office'"),
    ],
)
def test_a_tool_or_a_path_that_is_not_there_is_wrong_use(arguments: list[str], message: str, cli: Cli, script: Script) -> None:
    script("never said")
    done = cli("ask", "q", *arguments)
    assert (done.code, done.out) == (2, "")
    assert message in done.err


def test_a_question_from_stdin(cli: Cli, script: Script) -> None:
    model = script("Hello.")
    assert cli("ask", "-", "--tool", "calculator", stdin="good\nmorning").code == 0
    assert model.requests[0].messages[-1].content == "good\nmorning"


def test_a_question_that_does_not_fit_the_window_is_told(cli: Cli, script: Script) -> None:
    script("never said", n_ctx=2048)
    done = cli("ask", "-", "--tool", "calculator", stdin="word " * 200_000)
    assert done.code == 4
    assert "larger n_ctx" in done.err


def test_what_the_model_writes_cannot_command_the_terminal(cli: Cli, script: Script) -> None:
    script({"name": "calculator", "args": {"expression": "\x1b]0;owned\x07"}}, "\x1b[2J\x9b31mdone")
    done = cli("ask", "clear?", "--tool", "calculator")
    assert done.out == "\\x1b[2J\\x9b31mdone\n"
    assert "\x1b" not in done.err


def test_options_reach_the_model_and_the_agent(cli: Cli, script: Script) -> None:
    model = script("Bonjour.")
    done = cli(
        "ask", "hello", "--tool", "calculator", "--model", "openai:x", "--base-url", "http://localhost:1/v1", "--set", "temperature=0.5",
        "--instructions", "Answer in French.",
    )  # fmt: skip
    assert done.code == 0
    assert model.metadata == {"uri": "openai:x", "base_url": "http://localhost:1/v1", "temperature": "0.5"}
    assert model.requests[0].tools == ["calculator"]
    assert "Answer in French." in str(model.requests[0].messages[0].content)


def test_a_setting_of_another_part_is_in_force_too(cli: Cli, script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENTKIT_PYTHON_TIMEOUT", "10")
    script("Hello.")
    cli("ask", "hello", "--tool", "calculator", "--set", "python_timeout=3")
    assert os.environ["AGENTKIT_PYTHON_TIMEOUT"] == "3"


def test_ctrl_c_leaves_with_130_and_what_was_written_so_far(cli: Cli, script: Script) -> None:
    def interrupted(messages: object) -> str:
        os.kill(os.getpid(), signal.SIGINT)
        return "never mind"

    script(SUM, interrupted)
    done = cli("ask", "six times seven?", "--tool", "calculator", "--json")
    assert done.code == 130
    assert "cancelled" in done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize(("to", "code", "told"), [("/dev/full", 4, "the disk is full"), ("a pipe that is closed", 0, "")])
def test_output_that_goes_nowhere_is_no_traceback(to: str, code: int, told: str, tmp_path: Path) -> None:
    script = (
        "from agentkit import models\nfrom agentkit.cli import main\nfrom agentkit.testing import ScriptedModel\n"
        "models.load_model = lambda uri=None, **parameters: ScriptedModel(['Hello.'])\nmain()"
    )
    command = [sys.executable, "-W", "ignore", "-c", script, "ask", "hello", "--tool", "calculator"]
    reader, writer = os.pipe()
    os.close(reader)
    with open(to, "w") if to.startswith("/") else os.fdopen(writer, "w") as out:
        done = subprocess.run(command, stdout=out, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    assert (done.returncode, told in done.stderr) == (code, True)
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


def test_a_recorded_run_is_kept(cli: Cli, script: Script, tmp_path: Path) -> None:
    script(SUM, "It is 42.")
    done = cli("ask", "six times seven?", "--tool", "calculator", "--record", tmp_path / "run.jsonl")
    assert done.code == 0
    lines = [json.loads(line) for line in (tmp_path / "run.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len(lines) > 3


def test_documents_that_cannot_be_read_are_told_and_the_others_used(cli: Cli, script: Script, tmp_path: Path) -> None:
    (tmp_path / "hut.md").write_text("# Hut\n\nThe hut has 36 beds.\n", encoding="utf-8")
    (tmp_path / "scan.pdf").write_bytes(b"%PDF-1.4\n%%EOF\n")
    script({"name": "search_documents", "args": {"query": "beds"}}, 'It has 36 [1: "36 beds"].')
    done = cli("ask", "How many beds?", "--docs", tmp_path / "hut.md", "--docs", tmp_path / "scan.pdf")
    assert done.code == 0
    assert done.out == "It has 36 [1].\n  [1] hut.md, Hut: “36 beds”\n"
    assert done.err.count("left out: scan.pdf: ") == done.err.count("scan.pdf") == 1
