"""Who gets in: TLS, passwords, limits; and that one bad client costs nobody else."""

from __future__ import annotations

import gc
import shutil
import socket
import ssl
import struct
import subprocess
import time
import warnings
from pathlib import Path
from typing import Any

import pytest
import redshift_connector

from tests.local.redshift.conftest import USERS, Connect, open_connection, rows
from tests.local.redshift.wire_client import WireClient, packed
from weblogs_platform.local.redshift.config import ConfigError, parse_config
from weblogs_platform.local.redshift.launch import LaunchOptions, RunningServer, launch


def _refused(server: RunningServer, **options: Any) -> dict[str, str]:
    """The error of a login that must not succeed."""
    fields: dict[str, str] = {}
    try:
        open_connection(server, **options)
    except redshift_connector.Error as error:
        fields = error.args[0]
    with warnings.catch_warnings():  # the driver leaves its socket to the garbage collector
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
    assert fields, "the login succeeded"
    return fields


def test_driver_logs_in_with_its_default_tls_setting(connect: Connect) -> None:
    """The unmodified driver verifies the certificate and the host name; a self-made shortcut would not do."""
    connection = connect()
    assert isinstance(connection._usock, ssl.SSLSocket)
    assert rows(connection.cursor(), "SELECT current_user, current_database()") == [("platform", "dev")]


@pytest.mark.parametrize("password", ["wrong", "", "p2-secret"])
def test_wrong_password_is_refused(server: RunningServer, password: str) -> None:
    """A server that let anybody in would make every test of privileges worthless."""
    assert _refused(server, password=password)["C"] == "28000"


def test_unknown_user_is_refused_like_a_wrong_password(server: RunningServer) -> None:
    """The answer must not tell which users exist."""
    refusal = _refused(server, user="nobody", password="x")
    assert refusal["M"] == 'password authentication failed for user "nobody"'


def test_connection_without_tls_is_refused(server: RunningServer) -> None:
    """Passwords never travel in the clear."""
    assert _refused(server, ssl=False)["C"] == "28000"


def test_unknown_database_is_refused(server: RunningServer) -> None:
    """A wrong database name is an error, not another database."""
    assert _refused(server, database="prod")["C"] == "3D000"


def test_server_listens_on_loopback_only(server: RunningServer) -> None:
    """Nobody on the network reaches it: another address of this machine is refused, and so is such a setting."""
    with pytest.raises(OSError):  # noqa: PT011 - refused or unreachable, as the system has it
        socket.create_connection(("127.0.0.2", server.port), timeout=5)
    with pytest.raises(ConfigError, match="loopback"):
        parse_config(
            {"database": "x", "users": {"a": "b"}, "certificate": "c", "private_key": "k", "host": "0.0.0.0"}
        )


@pytest.mark.parametrize(
    "garbage",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        struct.pack("!II", 2**31 - 1, 196608),
        struct.pack("!II", 4, 0),
        struct.pack("!II", 8, 80877103) + b"not a TLS hello",
        struct.pack("!II", 200, 196608) + b"user\0half",
        b"\0",
    ],
)
def test_garbage_before_login_hurts_nobody(server: RunningServer, connect: Connect, garbage: bytes) -> None:
    """Port scanners and half messages are dropped; others are served meanwhile."""
    with socket.create_connection((server.host, server.port), timeout=10) as bad:
        bad.sendall(garbage)
        assert rows(connect().cursor(), "SELECT 1") == [(1,)]


@pytest.mark.parametrize(
    "garbage",
    [
        b"Q" + struct.pack("!i", 2**31 - 1),
        b"Q" + struct.pack("!i", -5),
        packed(b"Q", b"SELECT 1"),
        packed(b"Q", b"SELECT '\xff'\0"),
        packed(b"B", b"\0\0\0\x05"),
        packed(b"\x07", b"abc"),
        packed(b"P", b"\0select $40000\0\0\0"),
    ],
)
def test_garbage_after_login_is_refused_and_hurts_nobody(
    server: RunningServer, connect: Connect, garbage: bytes
) -> None:
    """Impossible lengths, missing terminators, bad UTF-8 and unknown types get an error, not a crash."""
    with WireClient(server) as bad:
        bad.send(garbage)
        kind, _ = bad.receive()
        assert kind == b"E"
        assert rows(connect().cursor(), "SELECT 1") == [(1,)]


def test_connections_are_bounded(tmp_path: Path) -> None:
    """The connection over the limit is refused with 53300 and a freed place can be taken."""
    with launch(tmp_path, LaunchOptions(users=USERS, max_connections=2)) as small:
        first, second = open_connection(small), open_connection(small)
        assert _refused(small)["C"] == "53300"
        first.close()
        _eventually_connects(small)
        second.close()


def _eventually_connects(server: RunningServer) -> None:
    deadline = time.monotonic() + 10
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        while time.monotonic() < deadline:
            try:
                open_connection(server).close()
            except redshift_connector.ProgrammingError:
                gc.collect()
            else:
                return
    pytest.fail("the freed place was not given away")


@pytest.mark.skipif(shutil.which("psql") is None, reason="psql is not installed")
@pytest.mark.parametrize("mode", ["require", "verify-full"])
def test_psql_connects(server: RunningServer, mode: str) -> None:
    """A client that speaks plain PostgreSQL gets text results, and several statements in one query."""
    address = f"host=localhost hostaddr={server.host} port={server.port} dbname=dev user=platform"
    done = subprocess.run(
        ["psql", "-XAt", f"{address} sslmode={mode} sslrootcert={server.authority}"],
        input="SELECT 1.50, 'ä', NULL, DATE '2025-07-17', TRUE; SELECT 2.0::float8;\n\\echo done\nSELECT nope;",
        env={"PGPASSWORD": USERS["platform"].password, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.stdout.splitlines() == ["1.50|ä||2025-07-17|t", "2", "done"]
    assert 'column "nope" does not exist' in done.stderr
