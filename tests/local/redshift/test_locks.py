"""Table locks between sessions: waiting, fresh reads, deadlocks."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
import redshift_connector

from tests.local.redshift.conftest import Connect, rows
from weblogs_platform.local.redshift.contract import RedshiftError
from weblogs_platform.local.redshift.locks import Holder, LockManager, Mode


class _Background:
    """A statement that is expected to wait, run in a thread."""

    def __init__(self, work: Callable[[], Any]) -> None:
        self.result: Any = None
        self.error: Exception | None = None
        self._work = work
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.result = self._work()
        except redshift_connector.Error as error:
            self.error = error

    @property
    def waits(self) -> bool:
        """Whether it is still not done after a moment that is ample for a statement that need not wait."""
        self._thread.join(0.4)
        return self._thread.is_alive()

    def finish(self) -> Any:
        self._thread.join(20)
        assert not self._thread.is_alive(), "still waiting"
        if self.error is not None:
            raise self.error
        return self.result


@pytest.fixture
def table(cursor: Any, schema: str) -> str:
    cursor.execute(f"CREATE TABLE {schema}.t (a INT)")
    return f"{schema}.t"


def test_waiter_reads_what_the_holder_committed(connect: Connect, table: str) -> None:
    """LOCK first, then read: the ledger pattern. A snapshot taken before the lock came would miss the row."""
    holder, waiter = connect(), connect()
    holder.cursor().execute(f"LOCK {table}")
    holder.cursor().execute(f"INSERT INTO {table} VALUES (1)")

    def lock_then_read() -> Any:
        cursor = waiter.cursor()
        cursor.execute(f"LOCK {table}")
        return rows(cursor, f"SELECT a FROM {table}")

    background = _Background(lock_then_read)
    assert background.waits
    holder.commit()
    assert background.finish() == [(1,)]


def test_second_writer_waits_and_both_writes_count(connect: Connect, table: str) -> None:
    """DuckDB alone would fail it; Redshift makes it wait."""
    first, second = connect(), connect()
    first.cursor().execute(f"UPDATE {table} SET a = 1")
    first.cursor().execute(f"INSERT INTO {table} VALUES (1)")

    def write() -> None:
        second.cursor().execute(f"UPDATE {table} SET a = a + 1")
        second.commit()

    background = _Background(write)
    assert background.waits
    first.commit()
    background.finish()
    assert rows(first.cursor(), f"SELECT a FROM {table}") == [(2,)]


def test_writers_of_different_tables_do_not_wait(
    connect: Connect, cursor: Any, schema: str, table: str
) -> None:
    """Locks are per table."""
    cursor.execute(f"CREATE TABLE {schema}.u (a INT)")
    first, second = connect(), connect()
    first.cursor().execute(f"INSERT INTO {table} VALUES (1)")
    second.cursor().execute(f"INSERT INTO {schema}.u VALUES (1)")
    second.commit()
    first.commit()


def test_readers_wait_for_lock_only(connect: Connect, table: str) -> None:
    """They pass a writer, and wait for LOCK TABLE."""
    holder, reader = connect(), connect(autocommit=True)
    holder.cursor().execute(f"INSERT INTO {table} VALUES (1)")
    assert rows(reader.cursor(), f"SELECT COUNT(*) FROM {table}") == [(0,)]
    holder.rollback()
    holder.cursor().execute(f"LOCK TABLE {table}")
    background = _Background(lambda: rows(reader.cursor(), f"SELECT COUNT(*) FROM {table}"))
    assert background.waits
    holder.commit()
    assert background.finish() == [(0,)]


def test_deadlock_fails_one_and_lets_the_other_finish(
    connect: Connect, cursor: Any, schema: str, table: str
) -> None:
    """40P01 for who closes the circle; without detection both would wait for ever."""
    cursor.execute(f"CREATE TABLE {schema}.u (a INT)")
    first, second = connect(), connect()
    first.cursor().execute(f"INSERT INTO {table} VALUES (1)")
    second.cursor().execute(f"INSERT INTO {schema}.u VALUES (1)")
    background = _Background(lambda: first.cursor().execute(f"INSERT INTO {schema}.u VALUES (2)"))
    assert background.waits
    with pytest.raises(redshift_connector.ProgrammingError) as error:
        second.cursor().execute(f"INSERT INTO {table} VALUES (2)")
    assert error.value.args[0]["C"] == "40P01"
    background.finish()
    first.commit()
    assert rows(first.cursor(), f"SELECT a FROM {schema}.u") == [(2,)]


def test_concurrent_create_if_not_exists_succeeds_for_all(connect: Connect, schema: str) -> None:
    """Two runs that initialise at once: one creates, the other finds."""
    connections = [connect(autocommit=True) for _ in range(4)]
    created = [
        _Background(
            lambda connection=connection: connection.cursor().execute(
                f"CREATE TABLE IF NOT EXISTS {schema}.once (a INT)"
            )
        )
        for connection in connections
    ]
    for background in created:
        background.finish()


def test_reader_turned_writer_does_not_overtake_itself() -> None:
    """An upgrade is served although others wait: its own read lock would block them for ever."""
    manager = LockManager()
    upgrading, writer = Holder("upgrading"), Holder("writer")
    manager.acquire(upgrading, "t", Mode.READ, _no_check)
    waiting = threading.Thread(target=manager.acquire, args=(writer, "t", Mode.EXCLUSIVE, _no_check))
    waiting.start()
    manager.acquire(upgrading, "t", Mode.WRITE, _no_check)
    manager.release_all(upgrading)
    waiting.join(10)
    assert not waiting.is_alive()


def test_two_upgrades_are_a_deadlock() -> None:
    """Both read, both want to write: one has to give up."""
    manager = LockManager()
    one, two = Holder("one"), Holder("two")
    for holder in (one, two):
        manager.acquire(holder, "t", Mode.READ, _no_check)
    queued = threading.Event()

    def check() -> None:
        queued.set()

    waiting = threading.Thread(target=manager.acquire, args=(one, "t", Mode.EXCLUSIVE, check))
    waiting.start()
    assert queued.wait(10)
    with pytest.raises(RedshiftError) as error:
        manager.acquire(two, "t", Mode.EXCLUSIVE, _no_check)
    assert error.value.sqlstate == "40P01"
    manager.release_all(two)
    waiting.join(10)
    assert not waiting.is_alive()


def _no_check() -> None:
    """Never gives up."""
