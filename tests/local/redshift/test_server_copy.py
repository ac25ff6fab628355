"""COPY through the server: transactions around it, its error tables, its counters, its roles."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.local.redshift.conftest import USERS, open_connection, refusal, rows
from weblogs_platform.local.endpoints import Endpoints
from weblogs_platform.local.redshift.contract import S3Credentials
from weblogs_platform.local.redshift.launch import LaunchOptions, RunningServer, launch


@pytest.fixture(scope="module")
def options(stack: Endpoints) -> LaunchOptions:
    keys = stack.keys["copy"]
    return LaunchOptions(
        users=USERS,
        roles={stack.copy_role: S3Credentials(keys.access_key, keys.secret_key)},
        s3_endpoint=stack.s3_url,
        s3_region=stack.region,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("copying")


@pytest.fixture(scope="module")
def loading(folder: Path, options: LaunchOptions) -> Iterator[RunningServer]:
    with launch(folder, options) as running:
        yield running


@pytest.fixture
def connection(loading: RunningServer) -> Iterator[Any]:
    connection = open_connection(loading)
    connection.cursor().execute("CREATE TABLE IF NOT EXISTS events (a INT, b VARCHAR(5))")
    connection.cursor().execute("DELETE FROM events")
    connection.commit()
    yield connection
    connection.close()


def _delivered(stack: Endpoints, *records: str) -> str:
    """An object with these records; its URL."""
    key = f"validated/web_logs/{uuid.uuid4().hex}.json"
    stack.s3("admin").put_object(Bucket=stack.bucket, Key=key, Body="".join(records).encode())
    return f"s3://{stack.bucket}/{key}"


def _copy(stack: Endpoints, url: str, more: str = "") -> str:
    return f"COPY events FROM '{url}' IAM_ROLE '{stack.copy_role}' FORMAT AS JSON 'auto' {more}"


def _record(a: object, b: str = "x") -> str:
    return json.dumps({"a": a, "b": b})


def test_copy_belongs_to_its_transaction(stack: Endpoints, connection: Any) -> None:
    """Rolled back with it, committed with it; the counters say what was loaded."""
    cursor = connection.cursor()
    sql = _copy(stack, _delivered(stack, _record(1) + "\n", _record(2) + "\n"))
    cursor.execute(sql)
    assert rows(cursor, "SELECT pg_last_copy_count(), COUNT(*) FROM events") == [(2, 2)]
    connection.rollback()
    assert rows(cursor, "SELECT pg_last_copy_id(), COUNT(*) FROM events") == [(-1, 0)]
    cursor.execute(sql)
    connection.commit()
    ((copy_id, count),) = rows(cursor, "SELECT pg_last_copy_id(), COUNT(*) FROM events")
    assert (copy_id > 0, count) == (True, 2)
    assert rows(
        cursor, "SELECT lines_scanned, errors FROM stl_load_commits WHERE query = pg_last_copy_id()"
    ) == [(2, 0)]
    sql = "SELECT lines_scanned, bytes_scanned > 0, record_time >= start_time FROM sys_load_detail"
    assert rows(cursor, f"{sql} WHERE query_id = pg_last_copy_id()") == [(2, True, True)]
    sql = "SELECT status, loaded_rows, source_file_count FROM sys_load_history WHERE query_id = pg_last_copy_id()"
    assert rows(cursor, sql) == [("completed", 2, 1)]


def test_errors_are_seen_in_the_same_transaction_and_outlive_it(stack: Endpoints, connection: Any) -> None:
    """The block has read the table before, so its own snapshot is older than the rows."""
    cursor = connection.cursor()
    ((before,),) = rows(cursor, "SELECT COUNT(*) FROM stl_load_errors")
    url = _delivered(stack, _record(1), _record("no number"), _record(3))
    cursor.execute(_copy(stack, url, "MAXERROR 10"))
    assert rows(cursor, "SELECT COUNT(*) FROM stl_load_errors") == [(before + 1,)]
    connection.rollback()
    assert rows(
        cursor,
        "SELECT TRIM(colname), err_code, TRIM(raw_field_value) FROM stl_load_errors WHERE filename = %s",
        (url,),
    ) == [("a", 1207, "no number")]
    assert rows(cursor, "SELECT error_code FROM sys_load_error_detail WHERE file_name = %s", (url,)) == [
        (1207,)
    ]
    assert rows(cursor, "SELECT COUNT(*) FROM events") == [(0,)]


def test_failed_copy_keeps_its_id_for_the_error_table(stack: Endpoints, connection: Any) -> None:
    """Bad data sets pg_last_copy_id(): it is how the error is looked up."""
    cursor = connection.cursor()
    assert refusal(cursor, _copy(stack, _delivered(stack, _record(1, "far too long")))) == "XX000"
    connection.rollback()
    assert rows(cursor, "SELECT err_code FROM stl_load_errors WHERE query = pg_last_copy_id()") == [(1204,)]
    assert rows(cursor, "SELECT pg_last_copy_count()") == [(0,)]
    assert rows(cursor, "SELECT status FROM sys_load_history WHERE query_id = pg_last_copy_id()") == [
        ("aborted",)
    ]


def test_readers_do_not_see_the_raw_lines_of_others(
    stack: Endpoints, loading: RunningServer, connection: Any
) -> None:
    """Raw lines hold personal data; users see their own loads only, as in Redshift."""
    cursor = connection.cursor()
    cursor.execute(_copy(stack, _delivered(stack, _record("bad")), "MAXERROR 5"))
    connection.commit()
    reader = open_connection(loading, "reader")
    for relation in (
        "stl_load_errors",
        "sys_load_error_detail",
        "stl_load_commits",
        "sys_load_detail",
        "sys_load_history",
    ):
        assert rows(cursor, f"SELECT COUNT(*) > 0 FROM {relation}") == [(True,)]
        assert rows(reader.cursor(), f"SELECT COUNT(*) FROM {relation}") == [(0,)]
    reader.close()


def test_copy_with_an_unknown_role_is_refused(stack: Endpoints, connection: Any) -> None:
    """Also `default`, when the server was given none."""
    cursor = connection.cursor()
    url = _delivered(stack, _record(1))
    for role in ("'arn:aws:iam::000000000000:role/other'", "default"):
        assert refusal(cursor, f"COPY events FROM '{url}' IAM_ROLE {role} FORMAT JSON 'auto'") == "42501"
        connection.rollback()
    assert rows(cursor, "SELECT pg_last_copy_id()") == [(-1,)]


def test_load_errors_survive_a_restart(stack: Endpoints, options: LaunchOptions, tmp_path: Path) -> None:
    """They are in the database file, and the next COPY has a new id."""
    sql = _copy(stack, _delivered(stack, _record("bad")), "MAXERROR 5")
    found: list[Any] = []
    for _ in range(2):
        with launch(tmp_path, options) as server:
            connection = open_connection(server)
            cursor = connection.cursor()
            cursor.execute("CREATE TABLE IF NOT EXISTS events (a INT, b VARCHAR(5))")
            cursor.execute(sql)
            connection.commit()
            found = rows(cursor, "SELECT COUNT(*), COUNT(DISTINCT query) FROM stl_load_errors")
            connection.close()
    assert found == [(2, 2)]
