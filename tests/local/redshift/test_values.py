"""Values through the driver: every type there and back, NULLs, parameters in every style, frames."""

# ruff: noqa: DTZ001 - TIMESTAMP has no zone, and neither has what is expected of it
from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest
import redshift_connector

from tests.local.redshift.conftest import Connect, refusal, rows

UTC_NOON = dt.datetime(2025, 7, 17, 12, tzinfo=dt.UTC)
_VALUES: list[tuple[str, Any]] = [
    ("SMALLINT", -32768),
    ("INTEGER", 2147483647),
    ("BIGINT", -9223372036854775808),
    ("REAL", 0.5),
    ("DOUBLE PRECISION", 1752784836.0465686),
    ("FLOAT", -1e300),
    ("DECIMAL(12,2)", Decimal("-1234567890.12")),
    ("DECIMAL(38,10)", Decimal("-123456789012345678.0123456789")),
    ("NUMERIC", Decimal(7)),
    ("BOOLEAN", True),
    ("VARCHAR(20)", "Größe 'x' \\ \"y\""),
    ("CHAR(5)", "abc"),
    ("DATE", dt.date(1999, 12, 31)),
    ("TIMESTAMP", dt.datetime(2025, 7, 17, 20, 40, 36, 66373)),
    ("TIMESTAMP", dt.datetime(1969, 12, 31, 23, 59, 59, 999999)),
    ("TIMESTAMPTZ", UTC_NOON),
    ("TIME", dt.time(23, 59, 58, 500000)),
]


@pytest.mark.parametrize(("type_name", "value"), _VALUES)
def test_value_goes_in_as_parameter_and_comes_back(
    cursor: Any, schema: str, type_name: str, value: Any
) -> None:
    """A wrong offset, width or scale in the binary formats would show here, and NULL beside the value."""
    cursor.execute(f"CREATE TABLE {schema}.t (v {type_name}, n INT)")
    cursor.execute(f"INSERT INTO {schema}.t VALUES (%s, 1), (%s, 2)", (value, None))
    assert rows(cursor, f"SELECT v FROM {schema}.t ORDER BY n") == [(value,), (None,)]
    assert rows(cursor, f"SELECT n FROM {schema}.t WHERE v = %s", (value,)) == [(1,)]


@pytest.mark.parametrize(("type_name", "value"), _VALUES)
def test_value_goes_in_as_text(cursor: Any, schema: str, type_name: str, value: Any) -> None:
    """A str parameter is an untyped literal: it becomes whatever its column is."""
    cursor.execute(f"CREATE TABLE {schema}.t (v {type_name})")
    cursor.execute(f"INSERT INTO {schema}.t VALUES (%s)", (str(value),))
    assert rows(cursor, f"SELECT v FROM {schema}.t WHERE v = %s", (str(value),)) == [(value,)]


def test_strings_compare_with_timestamps(cursor: Any) -> None:
    """The driver sends str as type unknown; typed as VARCHAR the comparison would fail."""
    sql = "SELECT 1 WHERE TIMESTAMP '2025-07-17 10:00:00' >= %s AND DATE '2025-07-17' = %s"
    assert rows(cursor, sql, ("2025-07-17 10:00:00", "2025-07-17")) == [(1,)]


def test_string_parameter_as_a_result_is_text(cursor: Any) -> None:
    """Described before it is bound, so the type has to be the same both times."""
    assert rows(cursor, "SELECT %s, %s || 'x', COALESCE(%s, 'y')", ("12", "a", None)) == [("12", "ax", "y")]


@pytest.mark.parametrize(
    ("style", "sql", "parameters"),
    [
        ("format", "SELECT %s + 1, %s", (1, "a")),
        ("qmark", "SELECT ? + 1, ?", (1, "a")),
        ("numeric", "SELECT :1 + 1, :2", (1, "a")),
        ("named", "SELECT :n + 1, :t", {"n": 1, "t": "a"}),
        ("pyformat", "SELECT %(n)s + 1, %(t)s", {"n": 1, "t": "a"}),
    ],
)
def test_every_parameter_style_works(cursor: Any, style: str, sql: str, parameters: Any) -> None:
    """The driver turns them all into $n; repeated and out-of-order use included."""
    cursor.paramstyle = style
    assert rows(cursor, sql, parameters) == [(2, "a")]


def test_parameters_may_repeat(connect: Connect) -> None:
    """The same $n twice takes the same value."""
    cursor = connect().cursor()
    cursor.paramstyle = "named"
    assert rows(cursor, "SELECT :a, :b, :a", {"a": 1, "b": 2}) == [(1, 2, 1)]


def test_prepared_statement_is_used_again_with_other_values(cursor: Any, schema: str) -> None:
    """The driver caches statements: the plan must take new values, and notice changed tables."""
    cursor.execute(f"CREATE TABLE {schema}.t (v INT)")
    cursor.executemany(f"INSERT INTO {schema}.t VALUES (%s)", [(n,) for n in range(50)])
    for n in (3, 7):
        assert rows(cursor, f"SELECT COUNT(*) FROM {schema}.t WHERE v < %s", (n,)) == [(n,)]
    cursor.execute(f"DROP TABLE {schema}.t")
    assert refusal(cursor, f"SELECT COUNT(*) FROM {schema}.t WHERE v < %s", (3,)) == "42P01"


def test_frames_go_in_and_come_out(cursor: Any, schema: str) -> None:
    """write_dataframe asks svv_all_tables for the table first."""
    cursor.execute(f"CREATE TABLE {schema}.frame (a INT, b VARCHAR(10), c FLOAT)")
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", "y"], "c": [0.5, 1.5]})
    cursor.write_dataframe(frame, f"{schema}.frame")
    cursor.execute(f"SELECT a, b, c FROM {schema}.frame ORDER BY a")
    pd.testing.assert_frame_equal(cursor.fetch_dataframe(), frame, check_dtype=False)


def test_array_parameters_are_refused(cursor: Any) -> None:
    """Redshift has no array columns; a list must not turn into something else."""
    assert refusal(cursor, "SELECT %s", ([1, 2],)) == "0A000"


def test_result_names_follow_redshift(cursor: Any) -> None:
    """Unnamed columns are named after their function or column, in lower case, as clients expect."""
    cursor.execute(
        "SELECT COUNT(*), MAX(1), Abs(1), 1 + 1, CASE WHEN TRUE THEN 1 END, 'x', 5 AS \"Five\", "
        "COALESCE(NULL, 1)::int, EXTRACT(year FROM DATE '2025-01-01'), SUM(1) OVER ()"
    )
    names = [column[0] for column in cursor.description]
    assert names == [
        "count", "max", "abs", "?column?", "case", "?column?", "five", "coalesce", "date_part", "sum",
    ]  # fmt: skip


def test_large_and_empty_texts(cursor: Any, schema: str) -> None:
    """A megabyte passes; the empty string is not NULL."""
    cursor.execute(f"CREATE TABLE {schema}.t (v VARCHAR(65535))")
    cursor.execute(f"INSERT INTO {schema}.t VALUES (%s), (%s)", ("ä" * 32767, ""))
    assert sorted(len(v) for (v,) in rows(cursor, f"SELECT v FROM {schema}.t")) == [0, 32767]
    assert rows(cursor, "SELECT REPEAT('x', 1000000)")[0][0] == "x" * 1_000_000


def test_nul_in_a_parameter_is_refused(cursor: Any) -> None:
    """Neither engine can hold it; silently cutting the text would lose data."""
    assert refusal(cursor, "SELECT %s", ("a\0b",)) == "22021"


def test_values_that_do_not_fit_are_refused(cursor: Any, schema: str) -> None:
    """Out-of-range numbers and texts over their bytes fail with Redshift's SQLSTATEs."""
    cursor.execute(f"CREATE TABLE {schema}.t (a SMALLINT, b VARCHAR(3) NOT NULL)")
    assert refusal(cursor, f"INSERT INTO {schema}.t VALUES (40000, 'x')") in ("22003", "22P02")
    assert refusal(cursor, f"INSERT INTO {schema}.t VALUES (1, 'éé')") == "22001"
    assert refusal(cursor, f"INSERT INTO {schema}.t VALUES (1, NULL)") == "23502"
    assert refusal(cursor, f"INSERT INTO {schema}.t VALUES ('abc', 'x')") == "22P02"
    assert rows(cursor, f"SELECT * FROM {schema}.t") == []


def test_error_keeps_its_message(cursor: Any, schema: str) -> None:
    """What the client sees is Redshift's text, not DuckDB's."""
    cursor.execute(f"CREATE TABLE {schema}.t (b VARCHAR(3))")
    with pytest.raises(
        redshift_connector.ProgrammingError, match=r"value too long for type character varying\(3\)"
    ):
        cursor.execute(f"INSERT INTO {schema}.t VALUES ('abcd')")
