"""Errors become one message and an exit code."""

import errno

import pytest
import typer

from agentkit.cli.exits import exit_code, explained
from agentkit.errors import AgentkitError, DocumentError, ModelFileError, ReplayError


@pytest.mark.parametrize(
    ("stop_reason", "code"),
    [("answered", 0), ("max_steps", 3), ("max_tokens", 3), ("max_seconds", 3), ("no_progress", 3), ("needs_approval", 5), ("error", 4),
     ("cancelled", 130), ("a reason of the future", 3)],
)  # fmt: skip
def test_a_stop_reason_has_an_exit_code(stop_reason: str, code: int) -> None:
    assert exit_code(stop_reason) == code


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (DocumentError("notes.pdf: no text layer"), 2, "agentkit: notes.pdf: no text layer\n"),
        (ModelFileError("broken"), 4, "agentkit: broken\n"),
        (ReplayError("another prompt"), 3, "agentkit: another prompt\n"),
        (AgentkitError(), 4, "agentkit: AgentkitError\n"),
        (KeyboardInterrupt(), 130, "agentkit: cancelled\n"),
        (OSError(errno.ENOSPC, "No space left on device"), 4, "the disk is full"),
        (PermissionError(errno.EACCES, "Permission denied", "/x"), 4, "Permission denied: '/x'"),
        (MemoryError(), 4, "n_ctx=2048"),
        (ValueError("\x1b[2J"), 4, "unexpected ValueError: \\x1b[2J; --debug (or AGENTKIT_DEBUG=1) shows where"),
    ],
)
def test_an_error_is_a_message_without_a_traceback(
    error: BaseException, code: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(typer.Exit) as leaving, explained():
        raise error
    assert leaving.value.exit_code == code
    told = capsys.readouterr().err
    assert message in told
    assert "Traceback" not in told


def test_debug_shows_the_traceback(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENTKIT_DEBUG", "1")
    with pytest.raises(typer.Exit), explained():
        raise ValueError("x")
    assert "Traceback" in capsys.readouterr().err
