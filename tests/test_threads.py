"""The file of threads."""

import sqlite3
from pathlib import Path

import pytest

from agentkit import delete_thread, list_threads, portal
from agentkit.errors import AgentkitError
from agentkit.threads import open_saver, serializer, thread_lock, threads_path


def test_without_a_file_there_are_no_threads(home: Path) -> None:
    assert (list_threads(), delete_thread("x")) == ([], False)
    assert not home.exists()


def test_a_file_without_tables_has_no_threads(home: Path) -> None:
    home.mkdir()
    sqlite3.connect(threads_path()).close()
    threads_path().touch()
    assert (list_threads(), delete_thread("x")) == ([], False)


def test_the_file_is_written_ahead_and_not_synced_at_every_step(home: Path) -> None:
    async def settings() -> list[object]:
        async with open_saver() as saver:
            await saver.setup()
            found = []
            for name in ("journal_mode", "synchronous", "busy_timeout"):
                async with saver.conn.execute(f"PRAGMA {name}") as cursor:
                    found.append((await cursor.fetchone() or [None])[0])
            return found

    assert portal.run(settings()) == ["wal", 1, 30_000]


def test_an_error_of_the_database_is_told(home: Path) -> None:
    async def broken() -> None:
        async with open_saver() as saver:
            await saver.conn.execute("SELECT * FROM absent")

    with pytest.raises(AgentkitError, match="can't be read or written: no such table: absent"):
        portal.run(broken())


def test_a_thread_has_one_lock() -> None:
    first = thread_lock("a")
    assert thread_lock("a") is first
    assert thread_lock("b") is not first


def test_the_serializer_is_strict() -> None:
    assert serializer().pickle_fallback is False
