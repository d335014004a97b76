"""The processes that train."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.tuning.tiny_llama import random_base, write_base

PARENT = """
import sys, time
from agentkit.tuning.factors import FactorSet, dimensions
from agentkit.tuning.base_weights import read_base
from agentkit.tuning.workers import Team

if __name__ == "__main__":
    base = read_base(sys.argv[1])
    team = Team(sys.argv[1], FactorSet(dimensions(base.tensors, base.shape.layers), rank=2), workers=1)
    print(team.processes[0].pid, flush=True)
    time.sleep(120)
"""


def alive(process: int) -> bool:
    """Whether a process runs (a zombie does not)."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{process}/status").read_text(encoding="utf-8")
    except FileNotFoundError:
        return False


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks at /proc")
def test_a_worker_ends_when_its_parent_was_killed(tmp_path: Path) -> None:
    write_base(tmp_path / "base.gguf", random_base())
    (tmp_path / "parent.py").write_text(PARENT, encoding="utf-8")
    command = [sys.executable, str(tmp_path / "parent.py"), str(tmp_path / "base.gguf")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        worker = int(parent.stdout.readline())
        assert alive(worker)
        os.kill(parent.pid, signal.SIGKILL)
    until = time.monotonic() + 60
    while alive(worker) and time.monotonic() < until:
        time.sleep(0.5)
    assert not alive(worker)
