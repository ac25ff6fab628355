"""Rows that templates prove are those of the exact path, value by value, for the types that templates know."""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import duckdb
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.local.redshift.test_copy_paths_agree import converted, database, files, plan_for, worker
from weblogs_platform.local.redshift.contract import ColumnInfo
from weblogs_platform.local.redshift.copy.convert import Piece, RowConverter
from weblogs_platform.local.redshift.copy.errors import ErrorLog
from weblogs_platform.local.redshift.copy.screen import Screen, segment_offsets
from weblogs_platform.local.redshift.copy.templates import layout_of

__all__ = ["database", "worker"]

COLUMNS = [
    ColumnInfo("v", "character varying", length=8),
    ColumnInfo("q", "character varying", length=300, not_null=True),
    ColumnInfo("i", "integer"),
    ColumnInfo("s", "smallint"),
    ColumnInfo("l", "bigint"),
    ColumnInfo("f", "double precision"),
    ColumnInfo("b", "boolean"),
    ColumnInfo("t", "timestamp without time zone"),
]
PATHS = ["$.p.v", "$.p.q", "$.p.i", "$.s", "$.l", "$.p.f", "$.b", "$.t"]
OPTIONS = "TIMEFORMAT 'auto'"
VALUES: dict[str, list[Any]] = {
    "v": ["", "a", "12345678", "é", None, "abcdefghi"],
    "q": ["ok", "x" * 300, "é" * 140, 7, 123456789012345678, 0, -5],
    "i": [0, 1, -7, 999999999, 2147483647, 2147483648, None],
    "s": [0, 9999, 32767, 32768, -1],
    "l": [10**17, -(10**18), 2**63, None],
    "f": [1.5, 12, 1746269854.2904353, 0.1, -0.25, 0, 1e300, None, 123456789012345678],
    "b": [True, False, None],
    "t": [
        "2025-07-17T20:40:36.066373",
        "2025-07-17 20:40:36Z",
        "2025-02-30T00:00:00",
        "2024-02-29 00:00:00",
        None,
    ],
}


@st.composite
def rows(draw: st.DrawFn) -> bytes:
    """Records alike, as one producer writes them; now and then a value that does not fit."""
    names = draw(st.lists(st.sampled_from(sorted(VALUES)), unique=True, max_size=8))
    inside = [name for name in {"q", *names} if f"$.p.{name}" in PATHS]
    outside = [name for name in names if name not in inside]
    parts: list[bytes] = []
    for _ in range(draw(st.integers(1, 8))):
        record: dict[str, Any] = {name: draw(st.sampled_from(VALUES[name])) for name in outside}
        record["p"] = {name: draw(st.sampled_from(VALUES[name])) for name in sorted(inside)}
        ascii_only = draw(st.booleans())
        parts.append(
            json.dumps(record, ensure_ascii=ascii_only).encode() + draw(st.sampled_from([b"", b"\n"]))
        )
    return b"".join(parts)


def load(
    database: duckdb.DuckDBPyConnection,
    worker: ThreadPoolExecutor,
    data: bytes,
    paths: Sequence[str] | None,
    *,
    exact: bool,
) -> tuple[list[Any], list[Any], str | None]:
    return converted(database, worker, data=data, options=OPTIONS, paths=paths, exact=exact, columns=COLUMNS)


@settings(max_examples=150, deadline=None)
@given(data=rows())
@example(data=b'{"p": {"q": "a\xff"}}{"p": {"q": "b"}}')
@example(data=b'{"p": {"q": "a"}, "P": {"q": "b"}}{"p": {"q": "b", "Q": "c"}}')
@example(data=b'{"p": {"q": "a}{b"}}{"p": {"q": "b"}}')
def test_records_alike(database: duckdb.DuckDBPyConnection, worker: ThreadPoolExecutor, data: bytes) -> None:
    """A number rounded, a date read otherwise or a long text let through would load wrong data without a word."""
    assert load(database, worker, data, PATHS, exact=False) == load(database, worker, data, PATHS, exact=True)


@settings(max_examples=150, deadline=None)
@given(data=files)
def test_any_records(database: duckdb.DuckDBPyConnection, worker: ThreadPoolExecutor, data: bytes) -> None:
    """The same for records that are broken, or have nothing in common."""
    assert load(database, worker, data, None, exact=False) == load(database, worker, data, None, exact=True)


def test_plain_records_are_proven(database: duckdb.DuckDBPyConnection) -> None:
    """Templates that prove nothing agree with everything."""
    plan, statement = plan_for(OPTIONS, PATHS, COLUMNS)
    record = {"s": 1, "b": True, "t": "2025-07-17T20:40:36", "p": {"v": "a", "q": "x", "i": 5, "f": 1.5}}
    data = json.dumps(record).encode() * 50
    screen = Screen(plan, statement, database)
    assert screen._templates is not None
    offsets = segment_offsets(data)
    assert (screen._templates.match(data, offsets) >= 0).all()
    assert screen.screen(data, offsets).rows.num_rows == 50


@pytest.mark.parametrize(
    ("options", "columns"),
    [
        ("", COLUMNS),
        (OPTIONS + " EMPTYASNULL", COLUMNS),
        (OPTIONS + " BLANKSASNULL", COLUMNS),
        (OPTIONS, [*COLUMNS[:-1], ColumnInfo("t", "date")]),
        (OPTIONS, [*COLUMNS[:-1], ColumnInfo("t", "numeric", precision=6, scale=2)]),
    ],
)
def test_other_types_and_options_have_no_layout(options: str, columns: list[ColumnInfo]) -> None:
    """An option that changes what a value becomes, and templates that do not know it."""
    assert layout_of(*plan_for(options, PATHS, columns)) is None


def test_odd_records_among_many_are_read_exactly(
    database: duckdb.DuckDBPyConnection, worker: ThreadPoolExecutor
) -> None:
    """A few records that no template holds neither get lost nor change their place."""
    plan, statement = plan_for(OPTIONS, ["$.p.q"], COLUMNS[1:2])
    texts = [
        f'{{"p": {{"q": "{n}"}}}}' if n % 100 else f'{{"p": {{"q": "\\u0041{n}"}}}}' for n in range(5000)
    ]
    log = ErrorLog(None, "x", 1)  # pyright: ignore[reportArgumentType]
    converter = RowConverter(plan, Screen(plan, statement, database), log, worker)
    found = converter.convert([Piece("f", "".join(texts).encode(), 0, last=True)], lambda: None).rows
    assert [row["c0"] for row in found.to_pylist()] == [str(n) if n % 100 else f"A{n}" for n in range(5000)]
