"""The REPL on a pseudo-terminal: keys in, screen out."""

import os
import pty
import re
import select
import sys
import time
from pathlib import Path

import pytest

SCRIPT = """
import sys, time
from agentkit import models
from agentkit.cli.app import run
from agentkit.testing import ScriptedModel

def slow(messages):
    time.sleep(1.5)
    return "too late"

model = ScriptedModel(['It has 36 [1: "36 beds"].', slow, "Here I am."])
models.load_model = lambda uri=None, **parameters: model
sys.argv = ["agentkit", "chat", "--tool", "calculator"]
sys.exit(run())
"""


class Screen:
    """A process on a terminal of its own."""

    def __init__(self, home: Path) -> None:
        self.shown, self._seen = "", 0
        self.pid, self._terminal = pty.fork()
        if self.pid == 0:
            environment = {**os.environ, "AGENTKIT_HOME": str(home), "TERM": "xterm", "PROMPT_TOOLKIT_NO_CPR": "1"}
            os.execve(sys.executable, [sys.executable, "-W", "ignore", "-c", SCRIPT], environment)

    def type(self, keys: str) -> None:
        """Press keys."""
        os.write(self._terminal, keys.encode())

    def wait_for(self, text: str, seconds: float = 120) -> None:
        """Read until the text is shown, behind what was waited for before."""
        until = time.monotonic() + seconds
        while text not in self.shown[self._seen :]:
            ready, _, _ = select.select([self._terminal], [], [], max(0.0, until - time.monotonic()))
            assert ready, f"{text!r} was not shown, but {self.shown[self._seen :]!r}"
            read = os.read(self._terminal, 65536).decode(errors="replace")
            self.shown = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", self.shown + read)
        self._seen = self.shown.index(text, self._seen) + len(text)

    def code(self) -> int:
        """The exit code, once it has ended."""
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


@pytest.mark.slow
def test_an_answer_streams_ctrl_c_cancels_it_and_ctrl_d_leaves(tmp_path: Path) -> None:
    screen = Screen(tmp_path / "home")
    screen.wait_for("Ctrl-C cancels an answer, Ctrl-D leaves.")
    screen.type("How many beds?\r")
    screen.wait_for("It has 36")
    screen.wait_for("\r\n>")
    screen.type("And upstairs?\r")
    time.sleep(0.7)
    screen.type("\x03")
    screen.wait_for("cancelled")
    screen.wait_for("\r\n>")
    screen.type("Are you there?\r")
    screen.wait_for("Here I am.")
    screen.wait_for("\r\n>")
    screen.type("\x04")
    assert screen.code() == 0
    assert "too late" not in screen.shown
