"""COPY end to end: objects in the embedded S3, rows in a DuckDB table."""

from __future__ import annotations

import gzip
import json
from datetime import datetime
from decimal import Decimal

import pytest

from tests.local.redshift.copy_fixtures import CopyBench, bench
from weblogs_platform.local.redshift.contract import ColumnInfo, RedshiftError

__all__ = ["bench"]

FAILED = "Load into table 't' failed.  Check 'stl_load_errors' system table for details."


def varchar(name: str, length: int = 255, *, not_null: bool = False) -> ColumnInfo:
    return ColumnInfo(name, "character varying", length=length, not_null=not_null)


def two_columns(bench: CopyBench) -> None:
    bench.table("t", [ColumnInfo("a", "integer"), varchar("b", 10)], "a INTEGER, b VARCHAR")


WEB_LOG_PATHS = {
    "jsonpaths": [
        *(
            f"$.payload.{name}"
            for name in ("event_type", "browser", "device_type", "page", "user_id", "session_id")
        ),
        "$.timestamp",
        "$.payload.timestamp",
    ]
}


def web_logs(bench: CopyBench) -> str:
    """The web-log table of the platform; returns the options of its COPY."""
    names = ("event_type", "browser", "device_type", "page", "user_id", "session_id")
    columns = [
        *(varchar(name) for name in names),
        ColumnInfo("ingestion_timestamp", "timestamp without time zone"),
        ColumnInfo("event_timestamp", "double precision"),
    ]
    ddl = ", ".join(f"{name} VARCHAR CHECK (strlen({name}) <= 255)" for name in names)
    bench.table("t", columns, ddl + ", ingestion_timestamp TIMESTAMP, event_timestamp DOUBLE")
    paths = bench.put("paths.json", json.dumps(WEB_LOG_PATHS))
    return f"FORMAT JSON '{paths}' TIMEFORMAT 'auto' TRUNCATECOLUMNS"


def web_log(number: int, **changed: object) -> dict[str, object]:
    payload = {
        "event_type": "Click",
        "browser": "Edge",
        "device_type": "Desktop",
        "page": "explore/tags",
        "user_id": number,
        "session_id": f"session-{number}",
        "timestamp": 1746269854.5 + number,
        **changed,
    }
    return {"timestamp": "2025-07-17T20:40:36.066373", "payload": payload}


@pytest.mark.parametrize("separator", ["", "\n", "\r\n", " ", "\n\n"])
@pytest.mark.parametrize("indent", [None, 2])
def test_web_logs_load_in_every_framing(bench: CopyBench, separator: str, indent: int | None) -> None:
    """Firehose writes records without separators; producers also write lines, CRLF and pretty-printed objects."""
    options = web_logs(bench)
    text = separator.join(json.dumps(web_log(number), indent=indent) for number in range(300))
    bench.put("data/one", text)
    outcome = bench.copy("t", "data/", options)
    rows = bench.rows("t")
    assert (outcome.rows, outcome.errors, outcome.files) == (300, 0, 1)
    expected = ("Click", "Edge", "Desktop", "explore/tags", "7", "session-7")
    assert rows[7] == (*expected, datetime(2025, 7, 17, 20, 40, 36, 66373), 1746269861.5)  # noqa: DTZ001
    assert [row[4] for row in rows] == [str(number) for number in range(300)]


@pytest.mark.parametrize("separator", ["", "\n"])
def test_a_bad_record_costs_only_itself(bench: CopyBench, separator: str) -> None:
    """MAXERROR skips the malformed record and keeps its neighbours, in order, in both framings."""
    two_columns(bench)
    records = [json.dumps({"a": number, "b": "x"}) for number in range(5)]
    records[2] = '{"a": 2, "b": nope}'
    bench.put("data/one", separator.join(records))
    outcome = bench.copy("t", "data/", "FORMAT JSON 'auto' MAXERROR 2")
    assert [row[0] for row in bench.rows("t")] == [0, 1, 3, 4]
    assert (outcome.rows, outcome.errors) == (4, 1)
    (error,) = bench.session.errors
    assert (error.error_code, error.line_number) == (1216, 3 if separator else 1)
    assert error.raw_line == records[2]
    assert error.file_name == bench.url("data/one")


@pytest.mark.parametrize("maxerror", ["", "MAXERROR 0", "MAXERROR 1"])
def test_the_first_error_fails_the_load(bench: CopyBench, maxerror: str) -> None:
    """0 and 1 both mean at the first error; nothing is loaded, and the error is recorded."""
    two_columns(bench)
    bench.put("data/one", '{"a": 1}\n{"a": "x1"}\n{"a": 3}')
    with pytest.raises(RedshiftError) as failure:
        bench.copy("t", "data/", f"FORMAT JSON 'auto' {maxerror}")
    assert (failure.value.sqlstate, failure.value.message) == ("XX000", FAILED)
    assert bench.rows("t") == []
    (error,) = bench.session.errors
    assert (error.error_code, error.line_number, error.column_name, error.raw_field_value) == (
        1207,
        2,
        "a",
        "x1",
    )
    assert error.column_type == "integer"
    assert bench.session.began == 1


def test_errors_up_to_maxerror(bench: CopyBench) -> None:
    """COPY fails when the errors reach MAXERROR, not when they exceed it; across files."""
    two_columns(bench)
    bench.put("data/1", '{"a": "x"}\n{"a": 1}')
    bench.put("data/2", '{"a": "x"}\n{"a": 2}')
    assert bench.copy("t", "data/", "FORMAT JSON 'auto' MAXERROR 3").rows == 2
    with pytest.raises(RedshiftError):
        bench.copy("t", "data/", "FORMAT JSON 'auto' MAXERROR 2")
    assert bench.copy("t", "data/", "FORMAT JSON 'auto' IGNOREALLERRORS").errors == 2


def test_characters_between_records_are_an_error_each(bench: CopyBench) -> None:
    """`,,` between records are two errors; the records load."""
    two_columns(bench)
    bench.put("data/one", '{"a": 1},,{"a": 2}é\n{"a": 3}')
    outcome = bench.copy("t", "data/", "FORMAT JSON 'auto' MAXERROR 10")
    assert (outcome.rows, outcome.errors) == (3, 3)


def test_noload_checks_and_loads_nothing(bench: CopyBench) -> None:
    """NOLOAD reports the errors it finds and leaves the table alone."""
    two_columns(bench)
    bench.put("data/one", '{"a": 1}{"a": 2}')
    assert bench.copy("t", "data/", "FORMAT JSON 'auto' NOLOAD").rows == 0
    assert bench.rows("t") == []
    bench.put("data/two", '{"a": 1}{"a": "x"}')
    with pytest.raises(RedshiftError):
        bench.copy("t", "data/", "FORMAT JSON 'auto' NOLOAD")


def test_numbers_keep_their_text_in_varchar(bench: CopyBench) -> None:
    """1.10 stays 1.10, twenty digits stay twenty, an object keeps its own spelling, by either path."""
    bench.table("t", [varchar("a", 100), varchar("b", 100)], "a VARCHAR, b VARCHAR")
    values = [
        "1.10",
        "12345678901234567890",
        "-0",
        "1E5",
        "true",
        '{"x": 1.10,  "y":[1, 2]}',
        "1.0",
        '"1.10"',
        "[ ]",
    ]
    bench.put("data/one", "".join(f'{{"a": {value}, "b": "\\u0041"}}' for value in values))
    bench.put("data/two", "".join(f'{{"a": {value}, "b": "A"}}' for value in values))
    bench.copy("t", "data/")
    expected = [value.strip('"') for value in values]
    assert [row[0] for row in bench.rows("t")] == expected * 2


def test_decimals_are_truncated_unless_roundec(bench: CopyBench) -> None:
    """20.259 into NUMERIC(6,2) is 20.25, and 20.26 under ROUNDEC; too many digits are an error."""
    bench.table("t", [ColumnInfo("a", "numeric", precision=6, scale=2)], "a DECIMAL(6, 2)")
    bench.put("data/one", '{"a": 20.259}{"a": "-20.255"}{"a": 7}{"a": 0.1299999999999999999999}')
    bench.copy("t", "data/")
    assert [row[0] for row in bench.rows("t")] == [Decimal(text) for text in ("20.25", "-20.25", "7", "0.12")]
    bench.copy("t", "data/", "FORMAT JSON 'auto' ROUNDEC")
    assert [row[0] for row in bench.rows("t")][4:] == [
        Decimal(text) for text in ("20.26", "-20.26", "7", "0.13")
    ]
    bench.put("bad/one", '{"a": 10000}')
    with pytest.raises(RedshiftError):
        bench.copy("t", "bad/")
    assert bench.session.errors[0].error_code == 1204


def test_gzip_only_when_said(bench: CopyBench) -> None:
    """GZIP is what the statement says, never what the file's name or bytes say; several members are one file."""
    two_columns(bench)
    content = gzip.compress(b'{"a": 1}') + gzip.compress(b'{"a": 2}')
    bench.put("gz/one.gz", content)
    bench.put("plain/one.gz", b'{"a": 1}')
    assert bench.copy("t", "gz/", "FORMAT JSON 'auto' GZIP").rows == 2
    with pytest.raises(RedshiftError, match="Load into table"):
        bench.copy("t", "gz/")
    with pytest.raises(RedshiftError, match=r"plain/one\.gz"):
        bench.copy("t", "plain/", "FORMAT JSON 'auto' GZIP")
