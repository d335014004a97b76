"""Hostile programs get nothing: each is played by an unprivileged user against the python tool, see `payloads/stage.py`."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import agentkit

PAYLOADS = Path(__file__).parent.parent / "payloads"
NOBODY = 65534
HOSTILE: list[dict[str, Any]] = json.loads((PAYLOADS / "hostile.json").read_text(encoding="utf-8"))

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600), pytest.mark.skipif(sys.platform != "linux", reason="the stage needs Linux")]


def drop() -> dict[str, Any]:
    """How to start a process without root's rights."""
    return {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}


def reachable_python() -> str:
    """An interpreter of this version that an unprivileged user may run."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for path in (sys.executable, shutil.which(version, path="/usr/bin:/usr/local/bin")):
        if path is None:
            continue
        try:
            subprocess.run([path, "-c", ""], check=True, cwd="/", **drop())
        except (OSError, subprocess.CalledProcessError):
            continue
        return path
    pytest.skip(f"no {version} that an unprivileged user may run")


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """Why each program counts as not contained."""
    import pydantic_monty

    python = reachable_python()
    stage = Path(shutil.copytree(PAYLOADS, "/var/tmp/" + tmp_path_factory.mktemp("stage").name, dirs_exist_ok=True))
    stage.chmod(0o755)
    root = Path(str(agentkit.__file__)).parent.parent
    site = Path(str(pydantic_monty.__file__)).parent.parent
    monty = shutil.which("monty", path=str(Path(sys.executable).parent))
    config = {"path": [str(root), str(site)], "monty": monty, "timeout": 2.0, "programs": HOSTILE}
    try:
        done = subprocess.run(
            [python, str(stage / "stage.py")], input=json.dumps(config), capture_output=True, text=True, cwd="/", **drop()
        )
    finally:
        shutil.rmtree(stage)
    assert done.returncode == 0, done.stderr
    return {line["name"]: line["why"] for line in map(json.loads, done.stdout.splitlines())}


def test_every_program_was_played(verdicts: dict[str, list[str]]) -> None:
    assert list(verdicts) == [program["name"] for program in HOSTILE]


@pytest.mark.parametrize("name", [program["name"] for program in HOSTILE])
def test_a_hostile_program_is_contained(verdicts: dict[str, list[str]], name: str) -> None:
    assert verdicts[name] == []
