"""A server process for the tests of this folder, and connections to it through the real driver."""

from __future__ import annotations

import itertools
import ssl
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redshift_connector

from weblogs_platform.local.redshift.config import User
from weblogs_platform.local.redshift.launch import LaunchOptions, RunningServer, launch

USERS = {
    "platform": User("p1-secret"),
    "other": User("p2-secret"),
    "reader": User("p3-secret", read_only=True),
}
_SCHEMAS = itertools.count(1)
Connect = Callable[..., Any]


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """One server for all tests; each works in a schema of its own."""
    with launch(tmp_path_factory.mktemp("redshift"), LaunchOptions(users=USERS)) as running:
        yield running


def open_connection(server: RunningServer, user: str = "platform", **more: Any) -> Any:
    """redshift_connector with its default TLS setting, trusting the server's authority."""
    options = {"password": USERS[user].password if user in USERS else "", "database": "dev", **more}
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        patch.setenv("SSL_CERT_FILE", str(server.authority))
        warnings.simplefilter("ignore", DeprecationWarning)  # the driver's own use of ssl
        return redshift_connector.connect(host=server.host, port=server.port, user=user, **options)


@pytest.fixture
def connect(server: RunningServer) -> Iterator[Connect]:
    """Opens connections that are closed after the test."""
    opened: list[Any] = []

    def open_one(user: str = "platform", *, autocommit: bool = False, **more: Any) -> Any:
        connection = open_connection(server, user, **more)
        connection.autocommit = autocommit
        opened.append(connection)
        return connection

    yield open_one
    for connection in opened:
        if connection._sock is not None:
            connection.close()


@pytest.fixture(scope="session")
def shared(server: RunningServer) -> Iterator[Any]:
    """One connection for all tests that change nothing in their session: a login takes longer than most tests."""
    connection = open_connection(server)
    connection.autocommit = True
    yield connection
    connection.close()


@pytest.fixture
def cursor(shared: Any) -> Any:
    """A cursor that commits statement by statement, on a connection that other tests use too."""
    return shared.cursor()


@pytest.fixture
def schema(cursor: Any) -> str:
    """A schema of the test's own. It stays: the server ends with the tests, and others may hold locks in it."""
    name = f"s{next(_SCHEMAS)}"
    cursor.execute(f"CREATE SCHEMA {name}")
    return name


def rows(cursor: Any, sql: str, parameters: Any = None) -> list[tuple[Any, ...]]:
    """The rows of a query as tuples."""
    cursor.execute(sql, parameters)
    return [tuple(row) for row in cursor.fetchall()]


def refusal(cursor: Any, sql: str, parameters: Any = None) -> str:
    """The SQLSTATE with which a statement is refused."""
    with pytest.raises(redshift_connector.Error) as caught:
        cursor.execute(sql, parameters)
    return caught.value.args[0]["C"]


def client_context(server: RunningServer) -> ssl.SSLContext:
    """For raw sockets."""
    return ssl.create_default_context(cafile=str(server.authority))


def folder_of(server: RunningServer) -> Path:
    """Where the server keeps its files."""
    return server.authority.parent.parent
