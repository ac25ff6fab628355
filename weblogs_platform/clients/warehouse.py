"""The warehouse: Redshift through redshift_connector. One connection per transaction, errors translated.

A transaction commits when its block ends and rolls back when it raises; nothing is committed statement by
statement. Statements are values with `.sql()` (core.statements); parameters are bound, never pasted.
"""

from __future__ import annotations

import os
import re
import socket
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, cast

import redshift_connector
from redshift_connector.error import InterfaceError, OperationalError

from weblogs_platform.clients.credentials import aws_translated, credentials_of
from weblogs_platform.core.errors import (
    AccessRefused,
    InvalidName,
    LakeUnavailable,
    LoadConflict,
    StatementRefused,
    WarehouseUnavailable,
    WeblogsError,
)
from weblogs_platform.core.statements import flattened

if TYPE_CHECKING:
    import pandas as pd

    from weblogs_platform.settings import RedshiftLogin, Settings

_REFUSED = ("28", "42501", "3D000")
_CONFLICT = ("40", "55P03", "57014")
_UNAVAILABLE = ("08", "53", "57P")
_S3_TROUBLE = re.compile(r"S3ServiceException:.*,Status (?:5\d\d|429)\b|S3 could not be read \(", re.DOTALL)
"""What COPY says when S3 is at fault and may be better later; a missing key or a refused role are not that."""
_SERIALIZATION = ("1023", "ERROR: 1023")
"""Redshift's own number for a serialization failure; its SQLSTATE says internal error."""
_ABOUT_DATA = ("22", "23", "XX")
"""Errors whose text may quote a value of a record: data exceptions, constraints, and Redshift's internal errors."""
_COPY_FAILED = "Load into table"
_QUOTED = re.compile(r"['\"].*['\"]", re.DOTALL)
"""From the first quote to the last: a value may hold quotes itself."""
_DRIVER_ERRORS = (InterfaceError, OperationalError)
_CONNECT_SECS = 10
_LINES = 200
_STATEMENT_SECS = 3600
_ENVIRONMENT = threading.Lock()


Parameters = Sequence[object] | Mapping[str, object]
"""Values for `%s` in their order, or for `:name` by their names; a statement has one kind of the two."""


class Statement(Protocol):
    """A statement of core.statements."""

    def sql(self) -> str:
        """The text for Redshift, perhaps with secrets: never logged."""
        ...


@dataclass(frozen=True)
class Transaction:
    """An open transaction on a connection of its own."""

    connection: Any

    def execute(self, statement: Statement | str, parameters: Parameters = ()) -> None:
        """Runs one statement, bound to `parameters`. Names that the statement does not use are left out."""
        with _translated(), self.connection.cursor() as cursor:
            _execute(cursor, statement, parameters)

    def execute_many(self, statement: Statement | str, rows: Sequence[Sequence[object]]) -> None:
        """Runs one statement for each row of parameters."""
        with _translated(), self.connection.cursor() as cursor:
            cursor.executemany(_text(statement), [tuple(row) for row in rows])

    def fetch_all(self, statement: Statement | str, parameters: Parameters = ()) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        with _translated(), self.connection.cursor() as cursor:
            _execute(cursor, statement, parameters)
            return [tuple(row) for row in cursor.fetchall()]

    def fetch_named(self, statement: Statement | str, parameters: Parameters = ()) -> list[dict[str, Any]]:
        """All rows of a query, values by the names of its columns."""
        with _translated(), self.connection.cursor() as cursor:
            _execute(cursor, statement, parameters)
            names = [str(column[0]) for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def insert_lines(self, statement: Callable[[int], Statement], rows: Sequence[Sequence[object]]) -> None:
        """Runs `statement(n)`, which takes the parameters of n lines, for all rows, some hundred at a time."""
        for at in range(0, len(rows), _LINES):
            batch = rows[at : at + _LINES]
            self.execute(statement(len(batch)), flattened(batch))

    def fetch_frame(self, statement: Statement | str, parameters: Parameters = ()) -> pd.DataFrame:
        """All rows of a query as a frame, columns named as in the query."""
        with _translated(), self.connection.cursor() as cursor:
            _execute(cursor, statement, parameters)
            return cursor.fetch_dataframe()


@dataclass(frozen=True)
class Warehouse:
    """`connect` opens a redshift_connector connection; `copy_role_arn` is the role that COPY reads S3 with."""

    connect: Callable[[], Any]
    copy_role_arn: str
    region: str

    @contextmanager
    def transaction(self) -> Generator[Transaction]:
        """Commits at the end of the block, rolls back when it raises.

        Raises WarehouseUnavailable, AccessRefused, LoadConflict, StatementRefused.
        """
        with _translated():
            connection = self.connect()
        try:
            yield Transaction(connection)
            with _translated():
                connection.commit()
        except BaseException:
            _abandon(connection)
            raise
        _close(connection)

    @contextmanager
    def outside_transactions(self) -> Generator[Transaction]:
        """Commits statement by statement, for what Redshift refuses in a transaction block (external tables).

        Raises WarehouseUnavailable, AccessRefused, LoadConflict, StatementRefused.
        """
        with _translated():
            connection = self.connect()
        try:
            connection.autocommit = True
            yield Transaction(connection)
        finally:
            _close(connection)

    def fetch_frame(self, statement: Statement | str, parameters: Parameters = ()) -> pd.DataFrame:
        """A query of its own as a frame, for people."""
        with self.transaction() as tx:
            return tx.fetch_frame(statement, parameters)


def warehouse_of(settings: Settings) -> Warehouse:
    """The warehouse that the settings name; nothing is connected yet."""
    return Warehouse(partial(log_in, settings.redshift), settings.copy_role_arn, settings.region)


def log_in(login: RedshiftLogin) -> Any:
    """A connection as the settings' user, by password, by the password of a secret, or by IAM.

    Raises AccessRefused, InvalidSettings, WarehouseUnavailable.
    """
    return connect_to_redshift(
        host=login.host, port=login.port, database=login.database,
        ca=login.ca, sslmode=login.sslmode, **credentials_of(login),
    )  # fmt: skip


def connect_to_redshift(
    *,
    host: str,
    port: int,
    database: str,
    ca: str | None = None,
    sslmode: str = "verify-full",
    **credentials: Any,
) -> Any:
    """A connection with TLS verified against `ca`, or against the system's authorities when it is None.

    `credentials` are the driver's: user and password, or those of `credentials_of`. A host that does not answer
    within 10 s is unavailable; a statement may run for an hour.
    """
    # The driver wraps a refused connection in words of its own, so this tries first.
    with _translated():
        socket.create_connection((host, port), timeout=_CONNECT_SECS).close()
    with _trusting(ca), _translated(), aws_translated("temporary credentials for Redshift"):
        connection: Any = redshift_connector.connect(
            host=host, port=port, database=database, sslmode=sslmode,
            application_name="weblogs", timeout=_CONNECT_SECS, **credentials,
        )  # fmt: skip
    try:
        connection.autocommit = False
        Transaction(connection).execute(f"SET statement_timeout TO {_STATEMENT_SECS * 1000}")
        connection.commit()
        # The driver's time-out is its socket's: it would cut every statement that takes longer.
        connection._usock.settimeout(None)  # noqa: SLF001 - it has no other way
    except BaseException:
        _close(connection)
        raise
    return connection


@contextmanager
def _trusting(ca: str | None) -> Generator[None]:
    # The driver takes no CA; it loads OpenSSL's defaults, which this variable names.
    if ca is None:
        yield
        return
    with _ENVIRONMENT:
        before = os.environ.get("SSL_CERT_FILE")
        os.environ["SSL_CERT_FILE"] = ca
        try:
            yield
        finally:
            if before is None:
                del os.environ["SSL_CERT_FILE"]
            else:
                os.environ["SSL_CERT_FILE"] = before


def _text(statement: Statement | str) -> str:
    return statement if isinstance(statement, str) else statement.sql()


def _execute(cursor: Any, statement: Statement | str, parameters: Parameters) -> None:
    text = _text(statement)
    if not isinstance(parameters, Mapping):
        cursor.execute(text, tuple(parameters))
        return
    cursor.paramstyle = "named"
    try:
        cursor.execute(text, dict(parameters))
    except KeyError as error:
        raise InvalidName(f"the statement uses :{error.args[0]}, which has no value") from error


@contextmanager
def _translated() -> Generator[None]:
    try:
        yield
    except WeblogsError:
        raise
    except redshift_connector.Error as error:
        raise _translation(error) from error
    except (OSError, AttributeError) as error:
        # The driver raises AttributeError on a socket that the server has closed.
        raise WarehouseUnavailable(
            f"Redshift does not answer: {_brief(error)}. Is it running? (`weblogs up`; on AWS, `weblogs doctor`)"
        ) from error


def _translation(error: Exception) -> WeblogsError:
    # The server's fields, by their letters in the protocol; the driver's own errors have text instead.
    fields = cast("dict[str, str]", error.args[0]) if error.args and isinstance(error.args[0], dict) else {}
    state, message = fields.get("C", ""), fields.get("M") or _brief(error)
    if state.startswith(_REFUSED):
        return AccessRefused(f"Redshift refused: {message} ({state})")
    if state.startswith(_CONFLICT) or message.startswith(_SERIALIZATION):
        return LoadConflict(f"{message} ({state})")
    if state.startswith(_UNAVAILABLE) or (not state and isinstance(error, _DRIVER_ERRORS)):
        return WarehouseUnavailable(
            f"Redshift is not available: {message}. Is it running? (`weblogs up`; on AWS, `weblogs doctor`)"
        )
    if _S3_TROUBLE.search(message):
        return LakeUnavailable(f"COPY could not read S3: {message} ({state})")
    if state.startswith(_ABOUT_DATA) and not message.startswith(_COPY_FAILED):
        message = _QUOTED.sub("'...'", message)
    return StatementRefused(f"Redshift refused a statement: {message} ({state or 'no SQLSTATE'})")


def _abandon(connection: Any) -> None:
    # The first error is the one to tell; the server rolls back by itself.
    with suppress(Exception):
        connection.rollback()
    _close(connection)


def _close(connection: Any) -> None:
    # Committed or rolled back already: a failing close changes nothing.
    with suppress(Exception):
        connection.close()


def _brief(error: BaseException) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
