"""The command line as a whole: version, help, notes, Ctrl-C before anything began."""

import subprocess
import sys
import warnings

import pytest

from agentkit.cli import main
from tests.cli.conftest import Cli, Script


@pytest.mark.parametrize("arguments", [["--version"], ["version"]])
def test_the_version_is_that_of_the_installed_distribution(arguments: list[str], cli: Cli) -> None:
    done = cli(*arguments)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("agentkit 0.")


def test_every_command_has_a_help_with_an_example(cli: Cli) -> None:
    listed = cli("--help").out.split("Commands:\n")[1].splitlines()
    commands = [line.split()[0] for line in listed if line.startswith("  ")]
    assert commands == ["ask", "batch", "chat", "index", "search", "show-prompt", "replay", "version"]
    for command in commands[:-1]:
        assert f"\n  agentkit {command}" in cli(command, "--help").out


def test_without_a_command_there_is_help_and_wrong_use(cli: Cli) -> None:
    done = cli()
    assert done.code == 2
    assert "Usage: agentkit" in done.out + done.err


def test_an_unknown_command_is_wrong_use(cli: Cli) -> None:
    done = cli("aks", "hello")
    assert done.code == 2
    assert "aks" in done.err


def test_a_warning_for_the_user_is_a_note_and_one_for_developers_is_not_shown(cli: Cli, script: Script) -> None:
    def warned(messages: object) -> str:
        warnings.warn("the adapter is missing", UserWarning, stacklevel=1)
        warnings.warn("renamed", DeprecationWarning, stacklevel=1)
        return "Hello."

    script(warned)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        done = cli("ask", "hello", "--tool", "calculator")
    assert (done.code, done.out) == (0, "Hello.\n")
    assert "agentkit: note: the adapter is missing\n" in done.err
    assert "renamed" not in done.err


def test_ctrl_c_before_the_command_began_leaves_with_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("agentkit.cli.app.run", interrupted)
    with pytest.raises(SystemExit) as leaving:
        main()
    assert leaving.value.code == 130


def test_it_runs_as_a_module() -> None:
    done = subprocess.run([sys.executable, "-m", "agentkit.cli", "ask", ""], capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "is empty" in done.stderr
