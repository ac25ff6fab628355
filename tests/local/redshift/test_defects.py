"""A defect of the server's own, brought about by hand: one statement fails, and its session and the others go on."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import redshift_connector

from tests.local.redshift.conftest import USERS
from weblogs_platform.local.certificates import certificate_files
from weblogs_platform.local.redshift import connection
from weblogs_platform.local.redshift.config import load_config
from weblogs_platform.local.redshift.execution import execute
from weblogs_platform.local.redshift.launch import LaunchOptions, write_config
from weblogs_platform.local.redshift.server import Server


@pytest.fixture
def faulty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server in this process that fails at every statement with `broken` in it."""

    def fail_at_broken(session, prepared, *arguments):
        if "broken" in str(prepared.statement):
            raise ZeroDivisionError("a value that nobody should see")
        return execute(session, prepared, *arguments)

    monkeypatch.setattr(connection, "execute", fail_at_broken)
    options = LaunchOptions(users=USERS, require_ssl=False)
    server = Server(
        load_config(
            write_config(tmp_path, options, certificate_files(tmp_path, "redshift"), tmp_path / "ready")
        )
    )
    serving = threading.Thread(target=server.serve)
    serving.start()
    yield server
    server.stop()
    serving.join()


def test_a_defect_fails_its_statement_alone(faulty: Server) -> None:
    """The connection is gone, and who runs the statement is told nothing."""
    with (
        redshift_connector.connect(
            host="127.0.0.1",
            port=faulty.port,
            user="platform",
            password=USERS["platform"].password,
            database="dev",
            ssl=False,
        ) as client,
        client.cursor() as cursor,
    ):
        cursor.execute("CREATE TABLE t (a INTEGER)")
        client.commit()
        cursor.execute("INSERT INTO t VALUES (1)")
        with pytest.raises(redshift_connector.ProgrammingError) as failure:
            cursor.execute("SELECT 1 AS broken")
        assert (failure.value.args[0]["C"], failure.value.args[0]["M"]) == (
            "XX000",
            "internal error: ZeroDivisionError",
        )
        client.rollback()
        cursor.execute("SELECT COUNT(*) FROM t")
        assert cursor.fetchone() == [0]
        client.commit()
