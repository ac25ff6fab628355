"""COPY's rules for values, columns and records, each against the engine on real objects."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time
from typing import Any

import pytest

from tests.local.redshift.copy_fixtures import CopyBench, bench
from weblogs_platform.local.redshift.contract import ColumnInfo, RedshiftError

__all__ = ["bench"]

TYPES = {
    "varchar": (ColumnInfo("a", "character varying", length=5), "VARCHAR"),
    "char": (ColumnInfo("a", "character", length=5), "VARCHAR"),
    "smallint": (ColumnInfo("a", "smallint"), "SMALLINT"),
    "integer": (ColumnInfo("a", "integer"), "INTEGER"),
    "double": (ColumnInfo("a", "double precision"), "DOUBLE"),
    "real": (ColumnInfo("a", "real"), "FLOAT"),
    "numeric": (ColumnInfo("a", "numeric", precision=6, scale=2), "DECIMAL(6, 2)"),
    "boolean": (ColumnInfo("a", "boolean"), "BOOLEAN"),
    "date": (ColumnInfo("a", "date"), "DATE"),
    "timestamp": (ColumnInfo("a", "timestamp without time zone"), "TIMESTAMP"),
    "timestamptz": (ColumnInfo("a", "timestamp with time zone"), "TIMESTAMPTZ"),
    "time": (ColumnInfo("a", "time without time zone"), "TIME"),
    "not_null": (ColumnInfo("a", "character varying", length=5, not_null=True), "VARCHAR NOT NULL"),
}


def load(bench: CopyBench, kind: str, value: str | bytes, options: str = "") -> Any:
    """What one value becomes in a column of the kind: the value, or the code of its load error."""
    column, duckdb_type = TYPES[kind]
    bench.table("t", [column], f"a {duckdb_type}")
    raw = value if isinstance(value, bytes) else value.encode()
    bench.put("x", b'{"a": ' + raw + b"}")
    try:
        bench.copy("t", "x", f"FORMAT JSON 'auto' {options}")
    except RedshiftError:
        return bench.session.errors[0].error_code
    return bench.rows("t")[0][0]


MOMENT = datetime(2025, 7, 17, 20, 40, 36)  # noqa: DTZ001 - TIMESTAMP has no zone
MIDNIGHT = datetime(2025, 7, 17)  # noqa: DTZ001


@pytest.mark.parametrize(
    ("kind", "value", "options", "expected"),
    [
        ("varchar", '"ééé"', "", 1204),
        ("varchar", '"ééé"', "TRUNCATECOLUMNS", "éé"),
        ("varchar", '"abcd€"', "TRUNCATECOLUMNS", "abcd"),
        ("varchar", '""', "", ""),
        ("varchar", '""', "EMPTYASNULL", None),
        ("varchar", '"  "', "", "  "),
        ("varchar", '"  "', "BLANKSASNULL", None),
        ("varchar", '""', "BLANKSASNULL", ""),
        ("varchar", "true", "", "true"),
        ("varchar", b'"a\xff"', "", 1220),
        ("varchar", b'"a\xff"', "ACCEPTINVCHARS", "a?"),
        ("varchar", b'"\xe2\x82a"', "ACCEPTINVCHARS AS '^'", "^^a"),
        ("varchar", '"\\ud800"', "", 1220),
        ("varchar", '"\\ud800"', "ACCEPTINVCHARS", "???"),
        ("varchar", '"a\\u0000"', "", 1220),
        ("char", '"é"', "", 1220),
        ("char", '"abcdef"', "TRUNCATECOLUMNS", "abcde"),
        ("integer", '"5"', "", 5),
        ("integer", '""', "", None),
        ("integer", "1.0", "", 1207),
        ("integer", "1e2", "", 1207),
        ("integer", '" 5"', "", 1207),
        ("integer", "2147483648", "", 1222),
        ("smallint", "-32769", "", 1222),
        ("integer", "true", "", 1207),
        ("integer", "[1]", "", 1207),
        ("double", '"1.5e3"', "", 1500.0),
        ("double", '"x"', "", 1208),
        ("double", '"NaN"', "", 1208),
        ("double", "1e999", "", 1204),
        ("real", "1e39", "", 1204),
        ("numeric", '"1e2"', "", 1209),
        ("numeric", "99999", "", 1204),
        ("boolean", "true", "", True),
        ("boolean", '"N"', "", False),
        ("boolean", "1", "", True),
        ("boolean", '"maybe"', "", 1210),
        ("date", '"2025-07-17"', "", date(2025, 7, 17)),
        ("date", '"2025-07-17 20:40:36"', "", date(2025, 7, 17)),
        ("date", '"2025-02-30"', "", 1205),
        ("date", '"17.07.2025"', "DATEFORMAT 'DD.MM.YYYY'", date(2025, 7, 17)),
        ("date", '"Jul-17-2025"', "DATEFORMAT AS 'MON-DD-YYYY'", date(2025, 7, 17)),
        ("timestamp", '"2025-07-17 20:40:36"', "", MOMENT),
        ("timestamp", '"2025-07-17"', "", MIDNIGHT),
        ("timestamp", '"2025-07-17T20:40:36"', "", 1206),
        ("timestamp", '"2025-07-17T20:40:36Z"', "TIMEFORMAT 'auto'", MOMENT),
        ("timestamp", '"20250717 204036"', "TIMEFORMAT 'auto'", MOMENT),
        ("timestamp", '"17 Jul 20:40:36 2025"', "TIMEFORMAT 'auto'", MOMENT),
        ("timestamp", '"07/17/2025 20:40:36.00 UTC"', "TIMEFORMAT 'auto'", MOMENT),
        ("timestamp", '"2025.198"', "TIMEFORMAT 'auto'", MIDNIGHT),
        ("timestamp", '"J2460874"', "TIMEFORMAT 'auto'", MIDNIGHT),
        ("timestamp", '"17/07/2025 08:40:36 PM"', "TIMEFORMAT 'DD/MM/YYYY HH12:MI:SS AM'", MOMENT),
        ("timestamp", "1752784836", "TIMEFORMAT 'epochsecs'", MOMENT),
        ("timestamp", "1752784836000", "TIMEFORMAT 'epochmillisecs'", MOMENT),
        ("timestamp", "1752784836", "TIMEFORMAT 'auto'", 1206),
        ("timestamp", "1752784836.5", "TIMEFORMAT 'epochsecs'", 1206),
        ("timestamptz", '"2025-07-17 22:40:36+02"', "", MOMENT.replace(tzinfo=UTC)),
        ("timestamptz", '"2025-07-17 20:40:36"', "", MOMENT.replace(tzinfo=UTC)),
        ("time", '"20:40:36"', "", time(20, 40, 36)),
        ("not_null", "null", "", 1213),
        ("not_null", '""', "EMPTYASNULL", 1213),
        ("not_null", '""', "", ""),
    ],
)
def test_values(bench: CopyBench, kind: str, value: str | bytes, options: str, expected: object) -> None:
    """Each documented conversion, and the error code of each value that a column cannot take."""
    assert load(bench, kind, value, options) == expected


@pytest.mark.parametrize(
    ("options", "sqlstate"),
    [
        ("TIMEFORMAT 'AUTO'", "22007"),
        ("TIMEFORMAT 'YYYY-MM-DD HH:MI:SS TZ'", "22007"),
        ("TIMEFORMAT 'YYYY-MM-DD QQ'", "22007"),
        ("DATEFORMAT 'epochsecs'", "22007"),
        ("DATEFORMAT 'MM-DD'", "22007"),
        ("EXPLICIT_IDS", "42601"),
    ],
)
def test_formats_that_are_not_known(bench: CopyBench, options: str, sqlstate: str) -> None:
    """A format that is not understood stops the COPY before it reads, whatever the columns are."""
    bench.table("t", [ColumnInfo("a", "integer")], "a INTEGER")
    bench.put("x", '{"a": 1}')
    with pytest.raises(RedshiftError) as failure:
        bench.copy("t", "x", f"FORMAT JSON 'auto' {options}")
    assert (failure.value.sqlstate, bench.session.began) == (sqlstate, 0)


def people(bench: CopyBench) -> None:
    columns = [
        ColumnInfo("id", "bigint", is_identity=True),
        ColumnInfo("name", "character varying", length=20),
        ColumnInfo("city", "character varying", length=20, default_sql="'Graz'"),
    ]
    bench.session.database.execute("CREATE SEQUENCE ids START 100")
    bench.table("t", columns, "id BIGINT DEFAULT nextval('ids'), name VARCHAR, city VARCHAR DEFAULT 'Graz'")


def test_defaults_and_identity(bench: CopyBench) -> None:
    """DEFAULT is for columns that the list leaves out, not for elements that are absent; IDENTITY is generated."""
    people(bench)
    bench.put("x", '{"name": "a"}{"name": "b", "city": "Linz", "id": 7}')
    bench.run(f"COPY t (name) FROM '{bench.url('x')}' IAM_ROLE default JSON 'auto'")
    bench.run(f"COPY t FROM '{bench.url('x')}' IAM_ROLE default JSON 'auto'")
    assert bench.rows("t") == [(100, "a", "Graz"), (101, "b", "Graz"), (102, "a", None), (103, "b", "Linz")]
    bench.put("y", '{"name": "c", "id": 7}')
    bench.run(f"COPY t FROM '{bench.url('y')}' IAM_ROLE default JSON 'auto' EXPLICIT_IDS")
    assert bench.rows("t")[-1] == (7, "c", None)
    with pytest.raises(RedshiftError, match="EXPLICIT_IDS"):
        bench.run(f"COPY t (id, name) FROM '{bench.url('x')}' IAM_ROLE default JSON 'auto'")
    with pytest.raises(RedshiftError, match='column "nome"'):
        bench.run(f"COPY t (nome) FROM '{bench.url('x')}' IAM_ROLE default JSON 'auto'")


def test_auto_matches_lower_case_names_only(bench: CopyBench) -> None:
    """'auto' compares as written with the lower-case column; 'auto ignorecase' does not mind the case."""
    bench.table("t", [ColumnInfo("a", "integer")], "a INTEGER")
    bench.put("x", '{"A": 1, "zzz": 5}{"a": 2}')
    bench.copy("t", "x")
    bench.copy("t", "x", "FORMAT JSON 'auto ignorecase'")
    assert bench.rows("t") == [(None,), (2,), (1,), (2,)]


def test_the_first_of_repeated_keys_counts(bench: CopyBench) -> None:
    """The documentation is silent; here it is the first, on both paths alike."""
    bench.table("t", [ColumnInfo("a", "character varying", length=9)], "a VARCHAR")
    bench.put("x", '{"a": "1", "a": "2"}{"a": 1.50, "a": 2}')
    bench.copy("t", "x")
    assert bench.rows("t") == [("1",), ("1.50",)]


def test_arrays_need_jsonpaths(bench: CopyBench) -> None:
    """A root array loads by index; an index that is missing fails the COPY whatever MAXERROR says."""
    bench.table("t", [ColumnInfo("a", "integer"), ColumnInfo("b", "integer")], "a INTEGER, b INTEGER")
    paths = bench.put("p", '{"jsonpaths": ["$[0]", "$[2].x"]}')
    bench.put("x", '[1, 2, {"x": 3}]\n[4, null, {}][5,6,null]')
    with pytest.raises(RedshiftError):
        bench.copy("t", "x", "FORMAT JSON 'auto'")
    bench.copy("t", "x", f"FORMAT JSON '{paths}'")
    assert bench.rows("t") == [(1, 3), (4, None), (5, None)]
    bench.put("y", "[1]")
    with pytest.raises(RedshiftError) as failure:
        bench.copy("t", "y", f"FORMAT JSON '{paths}' MAXERROR 100")
    assert failure.value.detail == "Invalid JSONPath format: Not an array or index out of range."


def test_noshred_loads_the_record(bench: CopyBench) -> None:
    """One SUPER column takes the whole record as it is written."""
    bench.table("t", [ColumnInfo("a", "super")], "a JSON")
    bench.put("x", '{"b":  1.10}[1]')
    bench.copy("t", "x", "FORMAT JSON 'noshred'")
    assert bench.rows("t") == [('{"b":  1.10}',), ("[1]",)]


@pytest.mark.parametrize("excess", [0, 1])
@pytest.mark.parametrize("separator", ["", "\n"])
def test_an_object_of_4_mb(bench: CopyBench, excess: int, separator: str) -> None:
    """4 MB, braces included, loads; a byte more fails the COPY even under MAXERROR."""
    bench.table("t", [ColumnInfo("a", "integer")], "a INTEGER")
    frame = '{"a": 2, "pad": ""}'
    large = frame.replace('""', '"' + "x" * (4 * 1024 * 1024 - len(frame) + excess) + '"')
    bench.put("x", separator.join(['{"a": 1}', large, '{"a": 3}']))
    if not excess:
        assert bench.copy("t", "x", "FORMAT JSON 'auto' MAXERROR 100").rows == 3
        return
    with pytest.raises(RedshiftError) as failure:
        bench.copy("t", "x", "FORMAT JSON 'auto' MAXERROR 100")
    assert "4 MB" in (failure.value.detail or "")
    assert bench.session.errors[0].line_number == (2 if separator else 1)


def test_deep_nesting_and_many_keys(bench: CopyBench) -> None:
    """A record nested 100,000 deep, or with 20,000 keys, is a record like any other."""
    bench.table("t", [ColumnInfo("a", "integer")], "a INTEGER")
    deep = '{"a": 1, "b": ' + "[" * 100_000 + "]" * 100_000 + "}"
    wide = json.dumps({**{f"k{number}": number for number in range(20_000)}, "a": 2})
    broken = '{"a": 3, "b": ' + '{"x":' * 100_000 + "}"
    bench.put("x", f'{deep}\n{deep.replace("1", "1.0", 1)}\n{wide}\n{broken}\n{{"a": 4}}')
    outcome = bench.copy("t", "x", "FORMAT JSON 'auto' MAXERROR 5")
    assert [row[0] for row in bench.rows("t")] == [1, 2, 4]
    assert outcome.errors == 2


@pytest.mark.parametrize("content", ["", "  \n\r\n\t "])
def test_files_without_records(bench: CopyBench, content: str) -> None:
    """An empty file and one of white space are files without records, not errors."""
    bench.table("t", [ColumnInfo("a", "integer")], "a INTEGER")
    bench.put("x", content)
    outcome = bench.copy("t", "x")
    assert (outcome.rows, outcome.files, outcome.errors) == (0, 1, 0)


def test_error_lines_and_order(bench: CopyBench) -> None:
    """The line of an error is the last line of its object; raw_line is cut at 1,024 characters."""
    bench.table("t", [ColumnInfo("a", "integer")], "a INTEGER")
    pad = "y" * 3000
    bench.put("x", f'{{"a": 1}}\n\n{{"pad": "{pad}",\n "a":\n"bad"}}\n{{"a": 2}} {{"a": true}}')
    bench.copy("t", "x", "FORMAT JSON 'auto' MAXERROR 10")
    lines = [
        (error.line_number, error.raw_field_value, len(error.raw_line)) for error in bench.session.errors
    ]
    assert lines == [(5, "bad", 1024), (6, "true", 11)]
    assert bench.rows("t") == [(1,), (2,)]
