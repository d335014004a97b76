"""`agentkit chat` from a pipe, its commands, and the REPL on a terminal of the test's own."""

import os
import signal
from pathlib import Path

import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput

from agentkit.cli.chat import typed_lines
from agentkit.errors import ModelError
from tests.cli.conftest import SUM, Cli, Outcome, Script


def _chat(cli: Cli, *lines: str) -> Outcome:
    return cli("chat", "--tool", "calculator", stdin="".join(f"{line}\n" for line in lines))


def test_the_conversation_is_remembered(cli: Cli, script: Script) -> None:
    model = script("Hello Ada.", "You are Ada.")
    done = _chat(cli, "I am Ada.", "Who am I?")
    assert (done.code, done.out) == (0, "Hello Ada.\nYou are Ada.\n")
    assert [message.content for message in model.requests[1].messages[1:]] == ["I am Ada.", "Hello Ada.", "Who am I?"]


def test_new_begins_another_conversation(cli: Cli, script: Script) -> None:
    model = script("Hello Ada.", "I don't know.")
    _chat(cli, "I am Ada.", "/new", "Who am I?")
    assert [message.content for message in model.requests[1].messages[1:]] == ["Who am I?"]


def test_kept_conversations_are_listed_and_gone_on_with(cli: Cli, script: Script) -> None:
    script("Hello Ada.")
    listed = _chat(cli, "I am Ada.", "/threads").out.splitlines()
    assert listed[1].startswith("* chat-")
    name = listed[1].removeprefix("* ")
    model = script("You are Ada.")
    done = _chat(cli, f"/threads {name}", "Who am I?", f"/threads {name[:-2]}")
    assert f"going on with {name}" in done.err
    assert f"did you mean '{name}'?" in done.err
    assert len(model.requests[0].messages) == 4


def test_why_shows_how_the_answer_came_about(cli: Cli, script: Script) -> None:
    script(SUM, "It is 42.")
    done = _chat(cli, "6 * 7?", "/why")
    assert 'calculator {"expression": "6*7"}\nResult of calculator:\n42\nanswered, ' in done.out


@pytest.mark.parametrize("command", ["/why", "/cite"])
def test_before_the_first_answer_there_is_nothing_to_show(command: str, cli: Cli, script: Script) -> None:
    script()
    assert _chat(cli, command).err == "agentkit: nothing was answered yet\n"


def test_save_writes_the_conversation_and_never_over_a_file(cli: Cli, script: Script, tmp_path: Path) -> None:
    script("Hello.")
    path = tmp_path / "talk.md"
    done = _chat(cli, "Hi.", f"/save {path}", f"/save {path}", "/save", f"/save {tmp_path}/none/talk.md")
    assert path.read_text(encoding="utf-8") == "## Hi.\n\nHello.\n"
    assert done.err.splitlines() == [
        f"agentkit: saved 1 answers to {path}",
        f"agentkit: {path} exists already: name another file",
        "agentkit: name a file: /save talk.md",
        f"agentkit: not saved: [Errno 2] No such file or directory: '{tmp_path}/none/talk.md'",
    ]


def test_help_names_every_command_and_quit_leaves(cli: Cli, script: Script) -> None:
    script()
    done = _chat(cli, "/help", "/quit", "never asked")
    assert [line.split()[0] for line in done.out.splitlines()] == ["/help", "/new", "/threads", "/cite", "/why", "/save", "/quit"]


@pytest.mark.parametrize(("line", "told"), [("/helo", "did you mean /help?"), ("/zzz", "/help lists them"), ("  ", "nothing was asked")])
def test_what_is_no_question_and_no_command_is_told(line: str, told: str, cli: Cli, script: Script) -> None:
    script()
    assert told in _chat(cli, line).err


def test_a_failure_or_ctrl_c_ends_the_answer_and_not_the_conversation(cli: Cli, script: Script) -> None:
    def interrupted(messages: object) -> str:
        os.kill(os.getpid(), signal.SIGINT)
        return "too late"

    script(ModelError("the endpoint is down"), ValueError("odd"), interrupted, "Here I am.")
    done = _chat(cli, "one", "two", "three", "four")
    told = done.err.splitlines()
    assert told[0] == "agentkit: the endpoint is down"
    assert "odd" in told[1]
    assert "cancelled" in told[-1]
    assert (done.code, done.out.splitlines()[-1]) == (0, "Here I am.")


def test_typed_lines_come_one_by_one_and_are_kept(tmp_path: Path) -> None:
    with create_pipe_input() as keys, create_app_session(input=keys, output=DummyOutput()):
        keys.send_text("first\nhalf\x03second\n\x04")
        assert list(typed_lines(tmp_path / "home")) == ["first", "second"]
    history = tmp_path / "home" / "chat_history"
    assert "+second" in history.read_text(encoding="utf-8")
    assert history.stat().st_mode & 0o077 == 0
