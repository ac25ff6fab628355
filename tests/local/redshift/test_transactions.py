"""Transactions over the wire: blocks, failure, durability, cancellation, clients that vanish."""

from __future__ import annotations

import struct
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import redshift_connector

from tests.local.redshift.conftest import USERS, Connect, open_connection, refusal, rows
from tests.local.redshift.wire_client import WireClient, kinds, packed, sqlstate, values
from weblogs_platform.local.redshift.launch import LaunchOptions, RunningServer, launch


def test_rollback_undoes_ddl_and_dml(connect: Connect, schema: str) -> None:
    """Schema changes belong to the transaction, as in Redshift."""
    connection = connect()
    cursor = connection.cursor()
    cursor.execute(f"CREATE TABLE {schema}.kept (a INT)")
    connection.commit()
    cursor.execute(f"INSERT INTO {schema}.kept VALUES (1)")
    cursor.execute(f"CREATE TABLE {schema}.gone (a INT)")
    cursor.execute(f"ALTER TABLE {schema}.kept ADD COLUMN b VARCHAR(5)")
    connection.rollback()
    assert rows(cursor, f"SELECT * FROM {schema}.kept") == []
    assert refusal(cursor, f"SELECT * FROM {schema}.gone") == "42P01"


def test_uncommitted_rows_are_invisible_to_others(connect: Connect, schema: str) -> None:
    """A reader neither waits for a writer nor sees what it has not committed."""
    writer, reader = connect(), connect(autocommit=True)
    writer.cursor().execute(f"CREATE TABLE {schema}.t (a INT)")
    writer.commit()
    writer.cursor().execute(f"INSERT INTO {schema}.t VALUES (1)")
    assert rows(reader.cursor(), f"SELECT COUNT(*) FROM {schema}.t") == [(0,)]
    writer.commit()
    assert rows(reader.cursor(), f"SELECT COUNT(*) FROM {schema}.t") == [(1,)]


def test_failed_block_refuses_everything_until_rollback(connect: Connect, schema: str) -> None:
    """25P02, and COMMIT of a failed block rolls back."""
    connection = connect()
    cursor = connection.cursor()
    cursor.execute(f"CREATE TABLE {schema}.t (a INT)")
    assert refusal(cursor, "SELECT 1/0") == "22012"
    assert refusal(cursor, "SELECT 2") == "25P02"
    connection.commit()
    assert refusal(cursor, f"SELECT * FROM {schema}.t") == "42P01"
    connection.rollback()
    assert rows(cursor, "SELECT 3") == [(3,)]


def test_several_statements_of_one_query_are_one_transaction(server: RunningServer, schema: str) -> None:
    """The second fails, so the first is undone; with a block inside, the block decides."""
    with WireClient(server) as client:
        assert kinds(client.query(f"CREATE TABLE {schema}.t (a INT)")) == "CZ"
        failed = client.query(f"INSERT INTO {schema}.t VALUES (1); SELECT 1/0; SELECT 2")
        assert kinds(failed) in ("CEZ", "CTEZ")
        assert sqlstate(failed) == "22012"
        assert values(client.query(f"SELECT COUNT(*) FROM {schema}.t")) == [[b"0"]]
        client.query(f"BEGIN; INSERT INTO {schema}.t VALUES (1); COMMIT; INSERT INTO {schema}.t VALUES (2)")
        assert values(client.query(f"SELECT COUNT(*) FROM {schema}.t")) == [[b"2"]]


def test_truncate_commits(connect: Connect, schema: str) -> None:
    """It cannot be rolled back, and neither can what came before it in the block."""
    connection = connect()
    cursor = connection.cursor()
    cursor.execute(f"CREATE TABLE {schema}.t (a INT)")
    cursor.execute(f"INSERT INTO {schema}.t VALUES (1)")
    cursor.execute(f"CREATE TABLE {schema}.u (a INT)")
    cursor.execute(f"TRUNCATE {schema}.t")
    connection.rollback()
    assert rows(cursor, f"SELECT COUNT(*) FROM {schema}.t, {schema}.u") == [(0,)]


def test_vacuum_is_refused_in_a_block(connect: Connect, schema: str) -> None:
    """25001, as Redshift says; outside of one it is accepted."""
    connection = connect()
    cursor = connection.cursor()
    cursor.execute(f"CREATE TABLE {schema}.t (a INT)")
    connection.commit()
    assert refusal(cursor, f"VACUUM {schema}.t") == "25001"
    connection.rollback()
    connection.autocommit = True
    cursor.execute(f"VACUUM FULL {schema}.t")
    cursor.execute(f"ANALYZE {schema}.t")


def test_commit_survives_kill_and_the_rest_does_not(tmp_path: Path) -> None:
    """Kill -9 in the middle of a transaction: what was committed is there, what was not is not."""
    options = LaunchOptions(users=USERS)
    first = launch(tmp_path, options)
    connection = open_connection(first)
    cursor = connection.cursor()
    cursor.execute("CREATE TABLE t (a VARCHAR(9) NOT NULL, id INT IDENTITY(1,1)) SORTKEY (a)")
    cursor.execute("INSERT INTO t (a) VALUES ('kept'), ('kept')")
    connection.commit()
    cursor.execute("INSERT INTO t (a) VALUES ('lost')")
    first.kill()
    connection._usock.close()
    with launch(tmp_path, options) as second:
        again = open_connection(second)
        cursor = again.cursor()
        assert rows(cursor, "SELECT a, id FROM t ORDER BY id") == [("kept", 1), ("kept", 2)]
        assert refusal(cursor, "INSERT INTO t (a) VALUES ('far too long')") == "22001"
        again.close()


def test_stop_is_clean_and_leaves_no_log_behind(tmp_path: Path) -> None:
    """SIGTERM with an open transaction: rolled back, checkpointed, ready file gone, exit status 0."""
    running = launch(tmp_path, LaunchOptions(users=USERS))
    connection = open_connection(running)
    connection.cursor().execute("CREATE TABLE t (a INT)")
    running.stop()
    assert running.process.returncode == 0
    assert not (tmp_path / "redshift.ready").exists()
    assert not list(tmp_path.glob("*.wal"))
    connection._usock.close()


def test_vanished_client_rolls_back_and_frees_its_locks(
    server: RunningServer, connect: Connect, schema: str
) -> None:
    """A killed run must not block the next one."""
    connect(autocommit=True).cursor().execute(f"CREATE TABLE {schema}.t (a INT)")
    with WireClient(server) as client:
        client.query(f"BEGIN; LOCK {schema}.t; INSERT INTO {schema}.t VALUES (1)")
    cursor = connect(autocommit=True).cursor()
    cursor.execute("SET statement_timeout TO 20000")
    assert rows(cursor, f"SELECT COUNT(*) FROM {schema}.t") == [(0,)]


def test_client_that_vanishes_while_it_waits_gives_up_its_place(
    server: RunningServer, connect: Connect, schema: str
) -> None:
    """Nobody reads its socket while it waits for a lock, so the watchdog has to notice."""
    holder = connect()
    holder.cursor().execute(f"CREATE TABLE {schema}.t (a INT)")
    holder.commit()
    holder.cursor().execute(f"INSERT INTO {schema}.t VALUES (1)")
    before = _connections(server)
    with WireClient(server) as client:
        client.send(packed(b"Q", f"INSERT INTO {schema}.t VALUES (2)\0".encode()))
    _until(lambda: _connections(server) <= before)
    holder.commit()
    assert rows(holder.cursor(), f"SELECT a FROM {schema}.t") == [(1,)]


def _connections(server: RunningServer) -> int:
    """Sockets that the server process has open, without its listener."""
    folder = Path(f"/proc/{server.process.pid}/fd")
    if not folder.exists():
        pytest.skip("counting another process's sockets needs /proc")
    found = 0
    for entry in folder.iterdir():
        try:
            found += "socket:" in str(entry.readlink())
        except FileNotFoundError:
            continue
    return found - 1


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "it did not happen within 20 s"
        time.sleep(0.02)


def test_statement_timeout_ends_a_long_query(connect: Connect) -> None:
    """A query that would take minutes ends with 57014; the session goes on."""
    cursor = connect(autocommit=True).cursor()
    cursor.execute("SET statement_timeout TO 300")
    started = time.monotonic()
    assert refusal(cursor, _ENDLESS) == "57014"
    assert time.monotonic() - started < 15
    cursor.execute("RESET statement_timeout")
    assert rows(cursor, "SELECT 1") == [(1,)]


_ENDLESS = "SELECT COUNT(*) FROM generate_series(1, 1000000) a(x), generate_series(1, 1000000) b(y) WHERE x * y % 7 = 3"


def test_statement_timeout_ends_waiting_for_a_lock(connect: Connect, schema: str) -> None:
    """Waiting counts as running."""
    holder, waiter = connect(), connect(autocommit=True)
    holder.cursor().execute(f"CREATE TABLE {schema}.t (a INT)")
    holder.commit()
    holder.cursor().execute(f"LOCK TABLE {schema}.t")
    cursor = waiter.cursor()
    cursor.execute("SET statement_timeout TO 200")
    assert refusal(cursor, f"SELECT * FROM {schema}.t") == "57014"


def test_cancel_request_ends_the_query_of_its_session_only(server: RunningServer, connect: Connect) -> None:
    """With the right secret; with a wrong one nothing happens."""
    with WireClient(server) as client:
        client.send(packed(b"Q", _ENDLESS.encode() + b"\0"))
        _cancel(server, client.process_id, (client.secret + 1) % 2**32)
        assert rows(connect().cursor(), "SELECT 1") == [(1,)]
        answers: list[Any] = []
        reading = threading.Thread(target=lambda: answers.extend(client.until_ready()))
        reading.start()
        deadline = time.monotonic() + 30
        while reading.is_alive() and time.monotonic() < deadline:
            _cancel(server, client.process_id, client.secret)
            reading.join(0.1)
        assert sqlstate(answers) == "57014"
        assert values(client.query("SELECT 5")) == [[b"5"]]


def _cancel(server: RunningServer, process_id: int, secret: int) -> None:
    import socket

    with socket.create_connection((server.host, server.port), timeout=10) as connection:
        connection.sendall(struct.pack("!IIiI", 16, 80877102, process_id, secret))
        assert connection.recv(1) == b""


def test_settings_of_a_rolled_back_block_are_undone(connect: Connect) -> None:
    """SET belongs to the transaction, as in PostgreSQL."""
    connection = connect()
    cursor = connection.cursor()
    cursor.execute("SET query_group TO 'nightly'")
    connection.rollback()
    assert rows(cursor, "SHOW query_group") == [("unset",)]
    cursor.execute("SET query_group TO 'nightly'")
    connection.commit()
    assert rows(cursor, "SHOW query_group") == [("nightly",)]


WRITES = {"UPDATE": "UPDATE {} SET b = 3 WHERE a = 1", "DELETE": "DELETE FROM {} WHERE a = 1"}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_write_conflict_on_an_old_snapshot_is_a_serialization_failure(
    connect: Connect, schema: str, write: str
) -> None:
    """A row that changed or went after the snapshot: 40001 with Redshift's 1023, which clients retry. The block is
    then aborted; begun anew, it sees the winner's rows."""
    table = f"{schema}.t"
    setup = connect(autocommit=True).cursor()
    setup.execute(f"CREATE TABLE {table} (a INT, b INT)")
    setup.execute(f"CREATE TABLE {schema}.other (a INT)")
    setup.execute(f"INSERT INTO {table} VALUES (1, 1)")
    late = connect()
    assert rows(late.cursor(), f"SELECT COUNT(*) FROM {schema}.other") == [(0,)]
    setup.execute(write.format(table))
    with pytest.raises(redshift_connector.ProgrammingError, match="1023") as error:
        late.cursor().execute(write.format(table))
    assert error.value.args[0]["C"] == "40001"
    assert refusal(late.cursor(), f"SELECT * FROM {table}") == "25P02"
    late.rollback()
    late.cursor().execute(write.format(table))
    late.commit()
    assert rows(setup, f"SELECT b FROM {table}") == ([] if write.startswith("DELETE") else [(3,)])


def test_writes_of_different_rows_do_not_conflict(connect: Connect, schema: str) -> None:
    """Under snapshot isolation only writes of the same rows do: two loads would fail for nothing."""
    table = f"{schema}.t"
    setup = connect(autocommit=True).cursor()
    setup.execute(f"CREATE TABLE {table} (a INT, b INT)")
    setup.execute(f"INSERT INTO {table} VALUES (1, 1), (2, 2)")
    late = connect()
    assert rows(late.cursor(), f"SELECT COUNT(*) FROM {table}") == [(2,)]
    setup.execute(f"UPDATE {table} SET b = 3 WHERE a = 1")
    setup.execute(f"INSERT INTO {table} VALUES (3, 3)")
    late.cursor().execute(f"DELETE FROM {table} WHERE a = 2")
    late.cursor().execute(f"INSERT INTO {table} VALUES (4, 4)")
    late.commit()
    assert sorted(rows(setup, f"SELECT a, b FROM {table}")) == [(1, 3), (3, 3), (4, 4)]


def test_a_setting_outlives_a_rollback_that_undoes_nothing(connect: Connect) -> None:
    """ROLLBACK outside of a transaction took back what an earlier one had committed."""
    cursor = connect(autocommit=True).cursor()
    cursor.execute("SET query_group TO 'nightly'")
    cursor.execute("ROLLBACK")
    assert rows(cursor, "SHOW query_group") == [("nightly",)]
