"""A write that finds no room: how it is recognised, and what the user is told."""

import errno
import os

from agentkit.errors import DiskFullError

__all__ = ["disk_full", "is_full"]

_ERRNO = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}
"""Full disk, limit on the size of a file, quota."""
_SQLITE = {"SQLITE_FULL", "SQLITE_IOERR_WRITE", "SQLITE_IOERR_SHMSIZE"}
_SAID = ("database or disk is full", "no space left on device", "file too large", "quota exceeded")
"""Of errors that carry no number: those of Chroma, or made of other ones."""


def is_full(error: BaseException) -> bool:
    """Whether a write failed for want of room.

    >>> is_full(OSError(28, "No space left on device")), is_full(OSError(13, "Permission denied"))
    (True, False)
    """
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno in _ERRNO
    if getattr(error, "sqlite_errorname", "") in _SQLITE:
        return True
    said = str(error).lower()
    # NumPy's word for a write that was cut short
    return any(text in said for text in _SAID) or (isinstance(error, OSError) and "requested and" in said and "written" in said)


def disk_full(what: str, path: str | os.PathLike[str], error: BaseException, remedy: str) -> DiskFullError:
    """The error that says what could not be written, where, and what to do.

    >>> print(disk_full("the record", "run.jsonl", OSError(28, "No space left on device"), "name a file on another disk"))
    there is no room for the record 'run.jsonl' (No space left on device): free some space there, or name a file on another disk
    """
    reason = getattr(error, "strerror", None) or str(error)
    return DiskFullError(f"there is no room for {what} {os.fspath(path)!r} ({reason}): free some space there, or {remedy}")
