"""Threads: the conversations that are kept, in one SQLite file under `AGENTKIT_HOME`.

Written in WAL mode with `synchronous=NORMAL`: what was written survives a killed process, not a power cut.
"""

import asyncio
import contextlib
import os
import sqlite3
import weakref
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agentkit.disk import disk_full, is_full
from agentkit.errors import AgentkitError, UsageError

if TYPE_CHECKING:
    from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
    from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

__all__ = ["check_thread", "delete_thread", "list_threads", "open_saver", "serializer", "thread_lock", "threads_path"]

BUSY_MS = 30_000
_locks: "weakref.WeakValueDictionary[str, asyncio.Lock]" = weakref.WeakValueDictionary()


def threads_path() -> Path:
    """The file that holds the threads."""
    from agentkit import settings

    return settings.load().home / "threads.sqlite"


def check_thread(name: str) -> str:
    """The name of a thread, if it can be one.

    Raises:
        UsageError: it is not a text of 1 to 200 characters.

    >>> check_thread("monday")
    'monday'
    """
    if not isinstance(name, str) or not name.strip() or len(name) > 200:
        raise UsageError(f"thread={name!r}: give a name of 1 to 200 characters")
    return name


def list_threads() -> list[str]:
    """The names of all threads, the one used last first.

    Raises:
        AgentkitError: the file can't be read.
    """
    with _opened() as connection:
        if connection is None:
            return []
        rows = connection.execute("SELECT thread_id FROM checkpoints GROUP BY thread_id ORDER BY max(checkpoint_id) DESC")
        return [str(name) for (name,) in rows]


def delete_thread(name: str) -> bool:
    """Delete a thread; return whether there was one.

    Raises:
        AgentkitError: the file can't be written.
    """
    with _opened() as connection:
        if connection is None:
            return False
        with connection:
            found = connection.execute("DELETE FROM checkpoints WHERE thread_id = ?", (name,)).rowcount
            connection.execute("DELETE FROM writes WHERE thread_id = ?", (name,))
        return found > 0


@contextlib.contextmanager
def _opened() -> Iterator[sqlite3.Connection | None]:
    """The file of threads; `None` where there is none yet, or nothing in it."""
    path = threads_path()
    if not path.exists():
        yield None
        return
    try:
        with contextlib.closing(sqlite3.connect(path, timeout=BUSY_MS / 1000)) as connection:
            tables = connection.execute("SELECT count(*) FROM sqlite_master WHERE name IN ('checkpoints', 'writes')").fetchone()
            yield connection if tables == (2,) else None
    except sqlite3.Error as error:
        raise _unusable(path, error) from error


def _unusable(path: Path, error: Exception) -> AgentkitError:
    if is_full(error):
        return disk_full("the threads in", path, error, "set AGENTKIT_HOME to a folder on another disk")
    return AgentkitError(f"the threads in {path} can't be read or written: {error}. Look at AGENTKIT_HOME and rights")


def serializer() -> "JsonPlusSerializer":
    """The serializer of checkpoints: plain data and the four kinds of messages, whatever the environment allows."""
    from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

    from agentkit.state import checkpoint_types

    return JsonPlusSerializer(allowed_msgpack_modules=checkpoint_types())


@contextlib.asynccontextmanager
async def open_saver() -> "AsyncIterator[AsyncSqliteSaver]":
    """A checkpointer on the file of threads, for the time of one run.

    A connection a run costs a millisecond or two, and leaves nothing that must be closed when the process ends.
    """
    import aiosqlite
    from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

    path = threads_path()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        opening = aiosqlite.connect(os.fspath(path))
        _let_the_process_end(opening)
        connection = await opening
    except (OSError, sqlite3.Error) as error:
        if is_full(error):
            raise _unusable(path, error) from error
        raise AgentkitError(f"the threads in {path} can't be opened: {error}. Look at AGENTKIT_HOME, rights and free space") from error
    try:
        await connection.execute(f"PRAGMA busy_timeout={BUSY_MS}")
        await connection.execute("PRAGMA journal_mode=WAL")
        await connection.execute("PRAGMA synchronous=NORMAL")
        yield AsyncSqliteSaver(connection, serde=serializer())
    except sqlite3.Error as error:
        raise _unusable(path, error) from error
    finally:
        with contextlib.suppress(sqlite3.Error):
            await asyncio.shield(connection.close())


def _let_the_process_end(connection: Any) -> None:
    """A run that is abandoned as the interpreter ends must not keep it alive through aiosqlite's thread."""
    thread = getattr(connection, "_thread", None)
    if thread is not None:
        thread.daemon = True


def thread_lock(name: str) -> asyncio.Lock:
    """One run at a time on a thread; for use on the portal's loop."""
    lock = _locks.get(name)
    if lock is None:
        lock = _locks[name] = asyncio.Lock()
    return lock
