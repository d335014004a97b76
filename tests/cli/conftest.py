"""Run commands in this process, on a scripted model."""

import io
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from agentkit import models
from agentkit.cli.app import run
from agentkit.testing import ScriptedModel


@dataclass(frozen=True)
class Outcome:
    """What a command left behind."""

    code: int
    out: str
    err: str


Cli = Callable[..., Outcome]
Script = Callable[..., ScriptedModel]


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home and a working folder of the test's own."""
    home = tmp_path / "home"
    monkeypatch.setenv("AGENTKIT_HOME", str(home))
    monkeypatch.setenv("AGENTKIT_DEBUG", "0")
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return home


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    """Run `agentkit` with arguments and what is piped into it."""

    def call(*args: object, stdin: str = "") -> Outcome:
        monkeypatch.setattr(sys, "argv", ["agentkit", *map(str, args)])
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        capsys.readouterr()
        code = run()
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return call


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Script:
    """Let every model be a scripted one with these outputs; it comes back, with `loaded`, what it was loaded with."""

    def use(*outputs: Any, **fields: Any) -> ScriptedModel:
        model = ScriptedModel(outputs[0] if len(outputs) == 1 and callable(outputs[0]) else list(outputs), **fields)

        def load(uri: str | None = None, **parameters: Any) -> ScriptedModel:
            model.metadata = {"uri": uri, **parameters}
            return model

        monkeypatch.setattr(models, "load_model", load, raising=False)
        return model

    return use


SUM = {"name": "calculator", "args": {"expression": "6*7"}, "thought": "I compute it."}
