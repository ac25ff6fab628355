"""The warehouse against the embedded Redshift: transactions end as they should, and errors say who has to act."""

from __future__ import annotations

import socket
from functools import partial
from pathlib import Path
from typing import Any, Self

import pytest
import redshift_connector

from tests.clients.failed_logins import collect_failed_logins
from weblogs_platform.clients import warehouse as warehouse_module
from weblogs_platform.clients.warehouse import Warehouse, connect_to_redshift
from weblogs_platform.core.errors import (
    AccessRefused,
    InvalidName,
    LakeUnavailable,
    LoadConflict,
    StatementRefused,
    Terminal,
    Transient,
    WarehouseUnavailable,
)
from weblogs_platform.local.endpoints import Endpoints
from weblogs_platform.local.redshift.config import User
from weblogs_platform.local.redshift.launch import LaunchOptions, RunningServer, launch


@pytest.fixture
def warehouse(warehouse_stack: Endpoints) -> Warehouse:
    redshift = warehouse_stack.redshift
    assert redshift is not None
    connect = partial(
        connect_to_redshift,
        host=redshift.host,
        port=redshift.port,
        database=redshift.database,
        user=redshift.user,
        password=redshift.password,
        ca=str(redshift.authority),
    )
    return Warehouse(connect, warehouse_stack.copy_role, warehouse_stack.region)


@pytest.fixture
def table(warehouse: Warehouse, request: pytest.FixtureRequest) -> str:
    """An empty table of the test's own."""
    name = request.node.name.split("[")[0].removeprefix("test_")[:60]
    with warehouse.transaction() as tx:
        tx.execute(f"CREATE TABLE {name} (n INTEGER, text VARCHAR(100))")
    return name


def _numbers(warehouse: Warehouse, table: str) -> list[int]:
    with warehouse.transaction() as tx:
        return [n for (n,) in tx.fetch_all(f"SELECT n FROM {table} ORDER BY n")]


def test_a_block_that_ends_commits(warehouse: Warehouse, table: str) -> None:
    """What a block wrote is gone, or was visible before its end."""
    with warehouse.transaction() as tx:
        tx.execute(f"INSERT INTO {table} VALUES (%s, %s)", (1, "a"))
        tx.execute_many(f"INSERT INTO {table} VALUES (%s, %s)", [(2, "b"), (3, None)])
        assert _numbers(warehouse, table) == []
    assert _numbers(warehouse, table) == [1, 2, 3]


@pytest.mark.parametrize("raised", [ValueError, KeyboardInterrupt, SystemExit, GeneratorExit])
def test_a_block_that_raises_rolls_back(
    warehouse: Warehouse, request: pytest.FixtureRequest, raised: type[BaseException]
) -> None:
    """Half of a block is committed, or the error that ended it is replaced by one of the driver."""
    table = f"rolled_back_{raised.__name__.lower()}"
    with warehouse.transaction() as tx:
        tx.execute(f"CREATE TABLE {table} (n INTEGER)")

    def block() -> None:
        with warehouse.transaction() as tx:
            tx.execute(f"INSERT INTO {table} VALUES (1)")
            raise raised

    with pytest.raises(raised):
        block()
    assert _numbers(warehouse, table) == []


def test_a_refused_statement_rolls_back_what_came_before(warehouse: Warehouse, table: str) -> None:
    """Statements before the refused one are committed."""

    def block() -> None:
        with warehouse.transaction() as tx:
            tx.execute(f"INSERT INTO {table} VALUES (1, 'a')")
            tx.execute("SELECT * FROM nowhere")

    with pytest.raises(StatementRefused):
        block()
    assert _numbers(warehouse, table) == []


def test_parameters_are_values_whatever_they_hold(warehouse: Warehouse, table: str) -> None:
    """A quote, a percent sign or a placeholder in a value changes the statement."""
    texts = [
        "it's",
        '"quoted"',
        "100% %s %(x)s",
        "$1 ?",
        "back\\slash",
        "żółć \U0001f600",
        "'; DROP TABLE x; --",
    ]
    with warehouse.transaction() as tx:
        for n, text in enumerate(texts):
            tx.execute(f"INSERT INTO {table} VALUES (%s, %s)", (n, text))
    with warehouse.transaction() as tx:
        assert [text for _, text in tx.fetch_all(f"SELECT n, text FROM {table} ORDER BY n")] == texts
        assert tx.fetch_all(f"SELECT n FROM {table} WHERE text = %s", (texts[2],)) == [(2,)]


def test_named_parameters_are_bound_by_name(warehouse: Warehouse, table: str) -> None:
    """A name in a literal, a quoted identifier or a comment is bound; one used twice needs two values."""
    sql = f"""
        -- the :first of the row's two values
        INSERT INTO {table} SELECT CAST(:number_1 AS INTEGER) + :number_1, ':first it''s :first ' || :first /* :x ' */
    """
    with warehouse.transaction() as tx:
        tx.execute(sql, {"first": "it's :number_1 100%", "number_1": 21, "unused": object()})
        found = tx.fetch_all(f'SELECT n AS ":n", text FROM {table} WHERE n = :n', {"n": 42})
        assert found == [(42, ":first it's :first it's :number_1 100%")]
        frame = tx.fetch_frame(f'SELECT n AS ":n" FROM {table} WHERE n = :n', {"n": 42})
        assert list(frame.columns) == [":n"]


def test_a_named_parameter_without_a_value_is_named(warehouse: Warehouse) -> None:
    """A bare KeyError from inside the driver."""
    with (
        warehouse.transaction() as tx,
        pytest.raises(InvalidName, match=r"uses :period_end, which has no value"),
    ):
        tx.execute("SELECT :period_start, :period_end", {"period_start": 1})


def test_a_frame_has_the_columns_of_its_query(warehouse: Warehouse) -> None:
    """Names come as bytes or in another order."""
    frame = warehouse.fetch_frame("SELECT 1 AS first, 'x' AS second UNION ALL SELECT 2, NULL ORDER BY 1")
    assert list(frame.columns) == ["first", "second"]
    assert frame["first"].tolist() == [1, 2]


REFUSED_STATEMENTS = {
    "SELECT (1": "42601",
    "SELECT * FROM nowhere": "42P01",
    "SELECT nothing FROM (SELECT 1 AS one)": "42703",
    "SELECT 1/0": "22012",
    "SELECT CAST('x' AS INTEGER)": "22",
}


@pytest.mark.parametrize("statement", REFUSED_STATEMENTS)
def test_a_refused_statement_says_its_sqlstate(warehouse: Warehouse, statement: str) -> None:
    """A statement that can never succeed is retried, or its SQLSTATE is lost."""
    with warehouse.transaction() as tx, pytest.raises(StatementRefused, match=REFUSED_STATEMENTS[statement]):
        tx.execute(statement)


def _driver_error(state: str, message: str = "something") -> redshift_connector.Error:
    return redshift_connector.ProgrammingError({"S": "ERROR", "C": state, "M": message})


TRANSLATIONS: list[tuple[Exception, type[Exception]]] = [
    (_driver_error("28000"), AccessRefused),
    (_driver_error("28P01"), AccessRefused),
    (_driver_error("3D000"), AccessRefused),
    (_driver_error("42501"), AccessRefused),
    (_driver_error("40001"), LoadConflict),
    (_driver_error("40P01"), LoadConflict),
    (_driver_error("55P03"), LoadConflict),
    (_driver_error("57014"), LoadConflict),
    (_driver_error("XX000", "1023"), LoadConflict),
    (_driver_error("XX000", "Load into table 'x' failed: part-1023"), StatementRefused),
    (_driver_error("08006"), WarehouseUnavailable),
    (_driver_error("53300"), WarehouseUnavailable),
    (_driver_error("57P01"), WarehouseUnavailable),
    (_driver_error("57P03"), WarehouseUnavailable),
    (
        _driver_error("XX000", "S3ServiceException:Slow down.,Status 503,Error SlowDown,Bucket b,Key k"),
        LakeUnavailable,
    ),
    (
        _driver_error("XX000", "S3 could not be read (EndpointConnectionError), Bucket b, Key k"),
        LakeUnavailable,
    ),
    (
        _driver_error("XX000", "S3ServiceException:No such key.,Status 404,Error NoSuchKey,Bucket b,Key k"),
        StatementRefused,
    ),
    (_driver_error("42601"), StatementRefused),
    (_driver_error(""), StatementRefused),
    (redshift_connector.InterfaceError("connection is closed"), WarehouseUnavailable),
    (redshift_connector.OperationalError("connection time out"), WarehouseUnavailable),
    (TimeoutError("timed out"), WarehouseUnavailable),
    (BrokenPipeError(), WarehouseUnavailable),
    (AttributeError("'NoneType' object has no attribute 'flush'"), WarehouseUnavailable),
]


@pytest.mark.parametrize(("raised", "expected"), TRANSLATIONS, ids=lambda value: str(value)[:40])
def test_errors_of_the_driver_become_the_platforms(raised: Exception, expected: type[Exception]) -> None:
    """The SQLSTATE decides who has to act: a conflict is lost for good, or a wrong statement is retried."""

    class Cursor:
        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None: ...

        def execute(self, *_: object) -> None:
            raise raised

    class Connection:
        def cursor(self) -> Cursor:
            return Cursor()

        def rollback(self) -> None: ...

        def close(self) -> None: ...

    with pytest.raises(expected) as translated, Warehouse(Connection, "role", "region").transaction() as tx:
        tx.execute("SELECT 1")
    assert isinstance(translated.value, Terminal) != isinstance(translated.value, Transient)
    assert translated.value.__cause__ is raised


def test_a_server_that_dies_in_a_transaction_is_unavailable(tmp_path: Path) -> None:
    """The run ends in the driver's AttributeError; or what was not committed is there when the server is back."""
    options = LaunchOptions(users={"awsuser": User("secret")})

    def warehouse_at(port: int, ca: Path) -> Warehouse:
        connect = partial(
            connect_to_redshift,
            host="127.0.0.1",
            port=port,
            database="dev",
            user="awsuser",
            password="secret",
            ca=str(ca),
        )
        return Warehouse(connect, "role", "region")

    with launch(tmp_path, options) as server:
        first = warehouse_at(server.port, server.authority)
        with first.transaction() as tx:
            tx.execute("CREATE TABLE kept (n INTEGER)")
        with pytest.raises(WarehouseUnavailable, match="weblogs up"):
            _killed_between(first, server)
        with pytest.raises(WarehouseUnavailable, match="weblogs up"), first.transaction():
            pass
    with launch(tmp_path, options) as server:
        assert _numbers(warehouse_at(server.port, server.authority), "kept") == []


def _killed_between(warehouse: Warehouse, server: RunningServer) -> None:
    with warehouse.transaction() as tx:
        tx.execute("INSERT INTO kept VALUES (1)")
        server.kill()
        tx.execute("INSERT INTO kept VALUES (2)")


def test_a_host_that_is_silent_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Something that accepts connections and never speaks holds a run for ever."""
    monkeypatch.setattr(warehouse_module, "_CONNECT_SECS", 0.3)
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        pytest.raises(WarehouseUnavailable, match="weblogs up"),
    ):
        _connect(silent.getsockname()[1])
    collect_failed_logins()


def test_statements_may_take_longer_than_a_connection(
    warehouse: Warehouse,
) -> None:
    """The time-out of connecting cuts a COPY that takes longer."""
    with warehouse.transaction() as tx:
        assert tx.connection._usock.gettimeout() is None


def test_a_server_of_another_authority_is_refused(warehouse_stack: Endpoints, tmp_path: Path) -> None:
    """TLS is not verified: the password goes to whoever listens."""
    other = tmp_path / "other-ca.pem"
    other.write_text("", encoding="ascii")
    redshift = warehouse_stack.redshift
    assert redshift is not None
    with pytest.raises(WarehouseUnavailable, match="certificate"):
        _connect(redshift.port, ca=str(other))
    collect_failed_logins()


def _connect(port: int, ca: str | None = None) -> Any:
    return connect_to_redshift(
        host="127.0.0.1", port=port, database="dev", user="awsuser", password="any", ca=ca
    )
