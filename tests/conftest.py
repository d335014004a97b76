"""Tests reach no network beyond this machine, no model hub, no user's files, and no settings that happen to be set."""

import ctypes
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

LOOPBACK = ("127.0.0.1", "::1", "localhost", "", None, "0.0.0.0")
_KEPT = ("AGENTKIT_DATA",)
_INHERITED = ("AGENTKIT_", "LANGSMITH_", "LANGCHAIN_", "OPENAI_")

pytest_plugins = ["agentkit.cassette", "pytester"]


def pytest_configure(config: pytest.Config) -> None:
    """The environment of every test, before anything of agentkit is imported."""
    for name in [name for name in os.environ if name.startswith(_INHERITED) and name not in _KEPT]:
        del os.environ[name]
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as in jobs that a shell starts in the background; Ctrl-C is tested
        signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ["AGENTKIT_HOME"] = tempfile.mkdtemp(prefix="agentkit-home-")


@pytest.fixture(autouse=True, scope="session")
def no_names_beyond_this_machine() -> Iterator[None]:
    """Refuse to look up names of other machines; pytest-socket refuses to connect to them."""
    looked_up = socket.getaddrinfo

    def getaddrinfo(host: Any, *args: Any, **options: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if name not in LOOPBACK:
            raise socket.gaierror(socket.EAI_NONAME, f"a test looked up {name!r}: tests use this machine only")
        return looked_up(host, *args, **options)

    socket.getaddrinfo = getaddrinfo
    yield
    socket.getaddrinfo = looked_up


def pytest_unconfigure() -> None:
    """llama_cpp opens the null device twice and never closes it: kept alive, the two files are no warning behind pytest's last line."""
    opened = sys.modules.get("llama_cpp._utils")
    for name in ("outnull_file", "errnull_file") if opened is not None else ():
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(getattr(opened, name)))


@pytest.fixture(autouse=True, scope="session")
def tools_under_one_name() -> Iterator[None]:
    """No test, and nothing that a test runs, imports `tools`: it would be a second copy of `agentkit.tools`."""
    yield
    assert "tools" not in sys.modules
    assert "graphs" not in sys.modules


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of the test's own."""
    folder = tmp_path / "home"
    monkeypatch.setenv("AGENTKIT_HOME", str(folder))
    return folder
