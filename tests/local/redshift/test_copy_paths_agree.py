"""The vectorised path and the exact path of COPY give the same rows and the same errors, whatever the records hold.

The exact path alone is the definition; with the screen in front nothing may change, in any framing, nor with the
data cut into pieces anywhere.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import duckdb
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from weblogs_platform.local.redshift.contract import ColumnInfo, LoadError, RedshiftError, TableInfo
from weblogs_platform.local.redshift.copy.convert import Piece, RowConverter
from weblogs_platform.local.redshift.copy.errors import ErrorLog
from weblogs_platform.local.redshift.copy.jsonpaths import parse_path
from weblogs_platform.local.redshift.copy.plan import LoadPlan, make_plan
from weblogs_platform.local.redshift.copy.screen import Screen
from weblogs_platform.local.redshift.copy.statement import CopyStatement, parse_copy

COLUMNS = [
    ColumnInfo("v", "character varying", length=8),
    ColumnInfo("c", "character", length=4),
    ColumnInfo("i", "integer"),
    ColumnInfo("s", "smallint"),
    ColumnInfo("l", "bigint"),
    ColumnInfo("f", "double precision"),
    ColumnInfo("r", "real"),
    ColumnInfo("n", "numeric", precision=6, scale=2),
    ColumnInfo("b", "boolean"),
    ColumnInfo("d", "date"),
    ColumnInfo("t", "timestamp without time zone"),
    ColumnInfo("z", "timestamp with time zone"),
    ColumnInfo("m", "time without time zone"),
    ColumnInfo("q", "character varying", length=5, not_null=True),
]
RELAXED = [replace(column, not_null=False) for column in COLUMNS]
NAMES = [column.name for column in COLUMNS]
OPTIONS = [
    "",
    "TIMEFORMAT 'auto' DATEFORMAT 'auto' TRUNCATECOLUMNS EMPTYASNULL BLANKSASNULL",
    "TIMEFORMAT 'epochsecs' ACCEPTINVCHARS ROUNDEC",
    "TIMEFORMAT 'epochmillisecs' ACCEPTINVCHARS AS '\\' TRUNCATECOLUMNS",
    "TIMEFORMAT 'DD/MM/YYYY HH24:MI:SS' DATEFORMAT 'YYYYMMDD'",
]

NUMBERS = [
    "0",
    "-0",
    "0.0",
    "-0.0",
    "1",
    "-1",
    "7",
    "1.0",
    "1.10",
    "1e2",
    "1E-2",
    "1e999",
    "-1e999",
    "20.259",
]
NUMBERS += ["0.1299999999999999999999", "32767", "32768", "2147483647", "2147483648", "-2147483649", "1e400"]
NUMBERS += [
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551616",
    "9999.99",
    "9999.999",
    "99999",
]
NUMBERS += [
    "3.5e38",
    "1e-320",
    "5e-324",
    "1746269854",
    "1746269854123",
    "1746269854.29",
    "-5",
    "99999999999999",
]
STRINGS = [
    "",
    " ",
    "a",
    "é",
    "ééééé",
    "abcdefgh",
    "abcdefghi",
    "1",
    "1.10",
    "-0",
    "+5",
    " 5",
    "5 ",
    "1_000",
    "0x10",
]
STRINGS += [
    "true",
    "T",
    "no",
    "on",
    "null",
    "NaN",
    "inf",
    "Infinity",
    "2025-07-17",
    "2025-02-30",
    "0000-01-01",
]
STRINGS += [
    "2025-07-17 20:40:36",
    "2025-07-17T20:40:36.066373",
    "2025-07-17T20:40:36Z",
    "2025-07-17 24:00:00",
]
STRINGS += [
    "2025-07-17 20:40:60",
    "2025-07-17 20:40:36.1234567",
    "2025-07-17 20:40:36+02",
    "20250717",
    "20:40:36",
]
STRINGS += [
    "17/07/2025 20:40:36",
    "17/07/2025",
    "1746269854",
    "[",
    "{",
    "}{",
    "[]",
    "a,}",
    ": nan,",
    "𝄞",
    "\x7f",
    "12345",
]
RAW_STRINGS = [
    '"\\u0000"',
    '"a\\u0000b"',
    '"\\ud800"',
    '"\\ud834\\udd1e"',
    '"\\u0041"',
    '"\\/"',
    '"\\n"',
    '"\\""',
    '"\\\\u0000"',
]
OTHERS = [
    "null",
    "true",
    "false",
    "{}",
    "[]",
    '{"x": 1.10}',
    "[1, 2]",
    '{"v":"inner"}',
    '{"v": 1.10}',
    "[[[]]]",
]
BROKEN = [
    "nope",
    "NaN",
    "-Infinity",
    "inf",
    "01",
    "1.",
    "'a'",
    '"a',
    "{",
    "[1,]",
    '{"a":1,}',
    '"\t"',
    '"\\x"',
    "",
    '"\\ud8"',
]
INVALID_BYTES = [b'"\xff"', b'"\xc3"', b'"\xed\xa0\x80"', b'"a\xe2\x82b"', b"\xff"]

elements = st.one_of(
    st.sampled_from([text.encode() for text in [*NUMBERS, *RAW_STRINGS, *OTHERS]]),
    st.sampled_from(STRINGS).map(lambda text: json.dumps(text).encode()),
    st.sampled_from(STRINGS).map(lambda text: json.dumps(text, ensure_ascii=False).encode()),
    st.text(max_size=6).map(lambda text: json.dumps(text).encode()),
    st.floats(allow_nan=False, allow_infinity=False).map(lambda number: repr(number).encode()),
    st.integers(-(2**70), 2**70).map(lambda number: str(number).encode()),
    st.decimals(-100000, 100000, places=5, allow_nan=False).map(lambda number: str(number).encode()),
)
unsound = st.one_of(st.sampled_from(BROKEN).map(str.encode), st.sampled_from(INVALID_BYTES))
names = st.sampled_from([*NAMES, "other", "V", "p"])
members = st.tuples(names, st.one_of(elements, elements, elements, elements, unsound))
spaces = st.sampled_from([b"", b"", b" ", b"\n", b"\r\n", b"\t"])


@st.composite
def records(draw: st.DrawFn) -> bytes:
    """One record, most often a good one: only a few members are wild, the others fit their columns."""
    space = draw(spaces)
    shown = [b'"q":' + space + b'"ok"'] if draw(st.integers(0, 9)) else []
    drawn = draw(st.lists(members, max_size=4))
    shown += [json.dumps(name).encode() + b":" + space + value for name, value in drawn]
    return b"{" + space + (b"," + space).join(shown) + space + b"}"


strays = st.sampled_from(
    [b"x", b",", b"]", b"}", b"\xef\xbb\xbf", b"null", b"[1]", b"[]", "é".encode(), b'{"q":', b'"', b"\\"]
)
separators = st.sampled_from([b"", b"", b"\n", b"\n", b"\r\n", b" ", b"\n\n", b"\n ", b"}{"])
files = st.lists(st.one_of(records(), records(), records(), records(), strays), max_size=8).flatmap(
    lambda parts: st.lists(separators, min_size=len(parts), max_size=len(parts)).map(
        lambda between: b"".join(part + gap for part, gap in zip(parts, between, strict=True))
    )
)


class _Recorder:
    """The one thing of a session that converting needs."""

    def __init__(self) -> None:
        self.errors: list[LoadError] = []

    def record_errors(self, errors: Sequence[LoadError]) -> None:
        self.errors.extend(errors)


@pytest.fixture(scope="module")
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(":memory:", config={"threads": 2}) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        yield connection


@pytest.fixture(scope="module")
def worker() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as pool:
        yield pool


def plan_for(
    options: str, paths: Sequence[str] | None, columns: Sequence[ColumnInfo] = COLUMNS
) -> tuple[LoadPlan, CopyStatement]:
    mode = "JSON 'auto'" if paths is None else "JSON 's3://b/paths'"
    statement = parse_copy(f"COPY x FROM 's3://b/k' IAM_ROLE default {mode} IGNOREALLERRORS {options}")
    parsed = None if paths is None else [parse_path(path, "s3://b/paths") for path in paths]
    return make_plan(statement, TableInfo("public", "x", 1, "x", columns), parsed), statement


class _NoScreen:
    usable = False


def converted(
    database: duckdb.DuckDBPyConnection,
    worker: ThreadPoolExecutor,
    *,
    data: bytes,
    options: str,
    paths: Sequence[str] | None,
    cuts: Sequence[int] = (),
    exact: bool = False,
    strict: bool = True,
    columns: Sequence[ColumnInfo] = (),
) -> tuple[list[Any], list[LoadError], str | None]:
    """Rows, errors and the fatal error of converting one file, cut into chunks at `cuts`."""
    plan, statement = plan_for(options, paths, columns or (COLUMNS if strict else RELAXED))
    recorder = _Recorder()
    log = ErrorLog(recorder, "x", None)  # pyright: ignore[reportArgumentType]
    screen: Any = _NoScreen() if exact else Screen(plan, statement, database)
    converter = RowConverter(plan, screen, log, worker)
    rows: list[Any] = []
    bounds = [0, *sorted({min(cut, len(data)) for cut in cuts}), len(data)]
    carried, lines, failure = b"", 0, None
    try:
        for start, end in itertools.pairwise(bounds):
            piece = Piece("f", carried + data[start:end], lines, last=end == len(data))
            result = converter.convert([piece], lambda: None)
            rows += result.rows.to_pylist()
            if piece.last:
                break
            carried = piece.data[result.consumed :]
            lines += piece.data.count(b"\n", 0, result.consumed)
    except RedshiftError as error:
        failure = error.detail
    log.flush()
    return rows, recorder.errors, failure


@pytest.mark.parametrize("options", OPTIONS)
@settings(max_examples=60, deadline=None)
@given(data=files, cuts=st.lists(st.integers(1, 400), max_size=3), strict=st.booleans())
@example(data=b'{"q":"ok","v":-0}{"q":"ok","i":-0,"b":-0}', cuts=[], strict=True)
@example(data=b'{"q":"ok","v":1.10,"other":[{"v":1.1}]}', cuts=[], strict=True)
@example(data=b'{"q":"ok","v":"a}{b"}{"q":"ok"}', cuts=[], strict=True)
@example(data=b"[1][2]\n[3]", cuts=[], strict=False)
@example(data=b'{"p":1}\n5\n{"p":1}\n"x"', cuts=[], strict=False)
def test_both_paths_agree(
    database: duckdb.DuckDBPyConnection,
    worker: ThreadPoolExecutor,
    options: str,
    data: bytes,
    cuts: list[int],
    strict: bool,
) -> None:
    """A value that the screen accepts and converts differently, or a record boundary that it sees differently,
    would load wrong data without a word."""
    exact = converted(database, worker, data=data, options=options, paths=None, exact=True, strict=strict)
    fast = converted(database, worker, data=data, options=options, paths=None, cuts=cuts, strict=strict)
    assert fast == exact


NESTED_PATHS = [f"$.p.{name}" if name in "vqin" else f"$['{name}']" for name in NAMES]
nested = st.tuples(st.one_of(records(), elements), records()).map(
    lambda pair: (
        b'{"p":' + pair[0] + b"," + pair[1].strip()[1:]
        if pair[1].strip() != b"{}"
        else b'{"p":' + pair[0] + b"}"
    )
)


@settings(max_examples=60, deadline=None)
@given(data=st.lists(nested, max_size=5).map(b"".join), strict=st.booleans())
@example(data=b'{"p":{"v":1.10,"q":"a"},"v":2.20}{"p":null}{"p":"x"}{"p":[]}{"p":[{"v":"a"}]}', strict=False)
def test_both_paths_agree_on_nested_elements(
    database: duckdb.DuckDBPyConnection, worker: ThreadPoolExecutor, data: bytes, strict: bool
) -> None:
    """An element below something that is no object is an error, below nothing a NULL: on both paths."""
    options = "TIMEFORMAT 'auto'"
    exact = converted(
        database, worker, data=data, options=options, paths=NESTED_PATHS, exact=True, strict=strict
    )
    fast = converted(database, worker, data=data, options=options, paths=NESTED_PATHS, strict=strict)
    assert fast == exact


def test_the_screen_accepts_plain_records(
    database: duckdb.DuckDBPyConnection, worker: ThreadPoolExecutor
) -> None:
    """The agreement is worth something only while the screen does take ordinary records."""
    plan, statement = plan_for("TIMEFORMAT 'auto'", None)
    screen = Screen(plan, statement, database)
    good = {"v": "a", "c": "b", "i": 1, "s": 2, "l": 3, "f": 1.5, "r": 2.5, "n": 20.25, "b": True, "q": "x"}
    good |= {
        "d": "2025-07-17",
        "t": "2025-07-17T20:40:36.066373",
        "z": "2025-07-17 20:40:36",
        "m": "20:40:36",
    }
    data = b"".join(json.dumps({**good, "i": number}).encode() for number in range(50))
    converter = RowConverter(plan, screen, ErrorLog(_Recorder(), "x", 1), worker)  # pyright: ignore[reportArgumentType]
    from weblogs_platform.local.redshift.copy.screen import segment_offsets

    assert screen.screen(data, segment_offsets(data)).accepted.all()
    assert converter.convert([Piece("f", data, 0, last=True)], lambda: None).rows.num_rows == 50


def test_pieces_of_many_files_are_converted_together(
    database: duckdb.DuckDBPyConnection, worker: ThreadPoolExecutor
) -> None:
    """A record cut off at the end of one file never joins the beginning of the next."""
    plan, statement = plan_for("", None)
    recorder = _Recorder()
    log = ErrorLog(recorder, "x", None)  # pyright: ignore[reportArgumentType]
    converter = RowConverter(plan, Screen(plan, statement, database), log, worker)
    texts = [b'{"q":"1"}{"q":', b'"2"}\n{"q":"3"}', b"", b'  \n{"q":"4"}\n']
    pieces = [Piece(f"f{number}", text, 0, last=True) for number, text in enumerate(texts)]
    result = converter.convert(pieces, lambda: None)
    log.flush()
    assert [row["c13"] for row in result.rows.to_pylist()] == ["1", "3", "4"]
    assert [(error.file_name, error.line_number) for error in recorder.errors] == [("f0", 1)] + [
        ("f1", 1)
    ] * 4
    assert replace(recorder.errors[0], raw_line="").error_code == 1216
