"""The extended protocol where drivers do not go: portals, errors in a pipeline, formats, memory."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest

from tests.local.redshift.wire_client import Message, WireClient, kinds, packed, sqlstate, values
from weblogs_platform.local.redshift.launch import RunningServer

_SYNC = packed(b"S")
_FLUSH = packed(b"H")


def _parse(sql: str, *oids: int, name: str = "") -> bytes:
    return packed(
        b"P", name.encode() + b"\0" + sql.encode() + b"\0" + struct.pack(f"!H{len(oids)}I", len(oids), *oids)
    )


def _bind(*parameters: bytes | None, portal: str = "", statement: str = "", binary: bool = False) -> bytes:
    body = portal.encode() + b"\0" + statement.encode() + b"\0" + struct.pack("!HH", 0, len(parameters))
    for value in parameters:
        body += struct.pack("!i", -1) if value is None else struct.pack("!i", len(value)) + value
    return packed(b"B", body + struct.pack("!HH", 1, int(binary)))


def _execute(most: int = 0, portal: str = "") -> bytes:
    return packed(b"E", portal.encode() + b"\0" + struct.pack("!i", most))


def _run(server: RunningServer, *messages: bytes) -> list[Message]:
    with WireClient(server) as client:
        client.send(*messages, _SYNC)
        return client.until_ready()


def test_parameters_without_types_are_text(server: RunningServer) -> None:
    """As libpq sends them; described as unknown (705)."""
    answers = _run(
        server, _parse("SELECT $1, 1 WHERE 5 > $2"), packed(b"D", b"S\0"), _bind(b"a", b"4"), _execute()
    )
    assert kinds(answers) == "1tT2DCZ"
    assert answers[1][1] == struct.pack("!HII", 2, 705, 705)
    assert values(answers) == [[b"a", b"1"]]


def test_portal_gives_its_rows_in_parts(server: RunningServer) -> None:
    """PortalSuspended until the last row; another statement in between does not lose any."""
    with WireClient(server) as client:
        client.query("BEGIN")
        sql = "SELECT x FROM generate_series(1, 20000) g(x) ORDER BY x"
        client.send(_parse(sql), _bind(portal="p"), _execute(3, "p"), _SYNC)
        first = client.until_ready()
        assert kinds(first) == "12DDDsZ"
        assert values(client.query("SELECT 42")) == [[b"42"]]
        client.send(_execute(4, "p"), _execute(0, "p"), _SYNC)
        rest = client.until_ready()
        assert kinds(rest).endswith("CZ")
        found = [int(cell or b"0") for (cell,) in values(first) + values(rest)]
        assert found == list(range(1, 20001))
        client.query("COMMIT")
        client.send(_execute(1, "p"), _SYNC)
        assert sqlstate(client.until_ready()) == "34000"


def test_error_skips_to_sync(server: RunningServer) -> None:
    """What a pipeline holds behind the error is not run; then everything works again."""
    with WireClient(server) as client:
        client.send(
            _parse("SELECT nope"), _bind(), _execute(), _parse("SELECT 1"), _bind(), _execute(), _SYNC
        )
        failed = client.until_ready()
        assert kinds(failed) == "EZ"
        assert sqlstate(failed) == "42703"
        client.send(_parse("SELECT 1"), _bind(), _execute(), _SYNC)
        assert values(client.until_ready()) == [[b"1"]]


def test_statement_that_failed_to_parse_can_be_parsed_again(server: RunningServer) -> None:
    """redshift_connector takes the same name again after an error, so the name must be free."""
    with WireClient(server) as client:
        client.send(_parse("SELECT * FROM missing", name="s"), _SYNC)
        assert sqlstate(client.until_ready()) == "42P01"
        client.send(_parse("SELECT 1", name="s"), _bind(statement="s"), _execute(), _SYNC)
        assert values(client.until_ready()) == [[b"1"]]


def test_pipeline_is_one_transaction_until_sync(server: RunningServer, cursor: Any, schema: str) -> None:
    """The second statement fails: the first is undone with it."""
    cursor.execute(f"CREATE TABLE {schema}.t (a INT)")
    insert = _parse(f"INSERT INTO {schema}.t VALUES (1)"), _bind(), _execute()
    answers = _run(server, *insert, _parse("SELECT 1/0"), _bind(), _execute())
    assert sqlstate(answers) == "22012"
    cursor.execute(f"SELECT COUNT(*) FROM {schema}.t")
    assert cursor.fetchall() == ([0],)


@pytest.mark.parametrize(
    ("messages", "state"),
    [
        ([_bind(statement="none")], "26000"),
        ([_execute(0, "none")], "34000"),
        ([packed(b"D", b"Snone\0")], "26000"),
        ([_parse("SELECT $1"), _bind()], "08P01"),
        ([_parse("SELECT $1"), _bind(b"a", b"b")], "08P01"),
        ([_parse("SELECT 1; SELECT 2")], "42601"),
        ([_parse("SELECT 1", name="a"), _parse("SELECT 1", name="a")], "42P05"),
        ([_parse("SELECT $1", 1007)], "0A000"),
        ([_parse("SELECT $1", 23), _bind(b"abc"), _execute()], "22P02"),
        ([_parse("SELECT $1"), _bind(b"\xff")], "22021"),
    ],
)
def test_misuse_is_refused(server: RunningServer, messages: list[bytes], state: str) -> None:
    """Wrong names, counts and types: an error with its SQLSTATE, and the session lives."""
    with WireClient(server) as client:
        client.send(*messages, _SYNC)
        assert sqlstate(client.until_ready()) == state
        assert values(client.query("SELECT 1")) == [[b"1"]]


def test_empty_query(server: RunningServer) -> None:
    """EmptyQueryResponse, in both protocols; a comment is empty too."""
    with WireClient(server) as client:
        assert kinds(client.query(" ; -- nothing\n /* at /* all */ */ ;")) == "IZ"
    assert kinds(_run(server, _parse(""), packed(b"D", b"S\0"), _bind(), _execute())) == "1tn2IZ"


def test_text_format_of_every_type(server: RunningServer) -> None:
    """What psql and others parse: PostgreSQL's text forms."""
    with WireClient(server) as client:
        answers = client.query(
            "SELECT TRUE, 1::smallint, 1.50, 1e300::float, 0.1::real, 2::float, 'NaN'::float, DATE '0099-01-02', "
            "TIMESTAMP '2025-07-17 20:40:36.5', '2025-07-17 20:40:36+02'::timestamptz, NULL, '', "
            "TIMESTAMP '2025-01-03' - TIMESTAMP '2025-01-01 12:00:00', '\\x41'"
        )
    assert values(answers)[0][:13] == [
        b"t", b"1", b"1.50", b"1e+300", b"0.1", b"2", b"NaN", b"0099-01-02", b"2025-07-17 20:40:36.5",
        b"2025-07-17 18:40:36+00", None, b"", b"1 days 12:00:00",
    ]  # fmt: skip


def test_large_result_needs_little_memory(server: RunningServer) -> None:
    """Rows are streamed: a result of some 400 MB must not be held in the server."""
    status = Path(f"/proc/{server.process.pid}/status")
    if not status.exists():
        pytest.skip("the peak of another process's memory needs /proc")
    before = _peak_mb(status)
    with WireClient(server) as client:
        client.send(packed(b"Q", b"SELECT x, REPEAT('y', 400) FROM generate_series(1, 1000000) g(x)\0"))
        received = 0
        while (kind := client.receive()[0]) not in (b"Z", b"E", b""):
            received += kind == b"D"
    assert received == 1_000_000
    assert _peak_mb(status) - before < 150


def _peak_mb(status: Path) -> int:
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) // 1024
