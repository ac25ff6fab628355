"""The vectorised path: whole chunks of records through DuckDB, accepting only what provably converts as the exact
path would.

A segment is the text from one possible record start to the next (an opening brace that begins a line or follows a
closing one). A segment that is one valid JSON object, and begins where a record may begin, is a record: the scanner
would read exactly it. Every segment that is not, and every record with a value in doubt, is left to the exact path.
DuckDB's JSON takes more than JSON (NaN, Infinity, trailing commas) and rewrites numbers, so texts that could hold
these are in doubt too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from weblogs_platform.bulk.templates import NO_TEMPLATE, Templates
from weblogs_platform.local.redshift.copy import column_sql
from weblogs_platform.local.redshift.copy.jsonpaths import Path
from weblogs_platform.local.redshift.copy.plan import LoadPlan, MappedColumn
from weblogs_platform.local.redshift.copy.records import OBJECT_LIMIT_BYTES
from weblogs_platform.local.redshift.copy.statement import CopyStatement
from weblogs_platform.local.redshift.copy.templates import layout_of, template_sql
from weblogs_platform.local.redshift.copy.values import type_family

Offsets = npt.NDArray[np.int64]

_LEFT_TO_EXACT_PATH = (
    200  # records of a chunk: reading them one by one takes no longer than screening the chunk
)
_BATCH_ROWS = 8192  # of an Arrow record batch: small enough that all threads of DuckDB get work
_FIRST_MARK = re.compile(rb"[{\[]")

# What makes the text of a record doubtful: a trailing comma; NaN and Infinity as DuckDB reads them; an escaped NUL.
# Each pattern begins with a fixed character, which makes looking for it several times faster.
_NOT_A_NUMBER = r"-?(?i:nan|inf(?:inity)?)\s*[,}\]]"
_DOUBTS = (rf",\s*(?:[}}\]]|{_NOT_A_NUMBER})", rf":\s*{_NOT_A_NUMBER}", rf"\[\s*{_NOT_A_NUMBER}")
_ESCAPED_NUL = r"\u0000"


def segment_offsets(data: bytes) -> Offsets:
    """The starts of the segments of `data` (the first is 0), and its length at the end."""
    bytes_ = np.frombuffer(data, dtype=np.uint8)
    first = _FIRST_MARK.search(data)
    opener, closer = (0x5B, 0x5D) if first and first[0] == b"[" else (0x7B, 0x7D)
    starts = np.flatnonzero(bytes_[1:] == opener)
    before = bytes_[starts]
    starts = starts[(before == 0x0A) | (before == closer)] + 1
    return np.concatenate(([0], starts, [len(data)])).astype(np.int64)


def arrow_schema(plan: LoadPlan) -> pa.Schema:
    """The columns c0, c1, ... of converted rows, in the order of the plan's mapped columns."""
    return pa.schema([pa.field(f"c{number}", _arrow_type(item)) for number, item in enumerate(plan.mapped)])


def _arrow_type(item: MappedColumn) -> pa.DataType:
    family = type_family(item.column.type_name)
    if family == "numeric":
        return pa.decimal128(item.column.precision or 18, item.column.scale or 0)
    return {
        "smallint": pa.int16(),
        "integer": pa.int32(),
        "bigint": pa.int64(),
        "real": pa.float32(),
        "double": pa.float64(),
        "boolean": pa.bool_(),
        "date": pa.date32(),
        "timestamp": pa.timestamp("us"),
        "timestamptz": pa.timestamp("us", "UTC"),
        "time": pa.time64("us"),
    }.get(family, pa.string())


@dataclass(frozen=True)
class Screened:
    """Per segment: whether it was accepted, and its row (meaningless where it was not)."""

    accepted: npt.NDArray[np.bool_]
    rows: pa.Table


class Screen:
    """Screens chunks for one plan. `usable` is False when no record could be accepted at all."""

    def __init__(
        self, plan: LoadPlan, statement: CopyStatement, connection: duckdb.DuckDBPyConnection
    ) -> None:
        self._schema = arrow_schema(plan)
        self._connection = connection
        self._queries = _screen_sql(plan, statement)
        layout = layout_of(plan, statement) if self._queries else None
        self._templates = Templates(layout) if layout else None
        self._template_sql = template_sql(plan) if layout else ""

    @property
    def usable(self) -> bool:
        return bool(self._queries)

    def screen(self, data: bytes, offsets: Offsets) -> Screened:
        """Screens the segments of `data`, which need not be UTF-8. Raises duckdb.Error only for faults of the engine."""
        if self._templates:
            proven = self._templates.match(data, offsets) != NO_TEMPLATE
            if len(proven) - np.count_nonzero(proven) <= _LEFT_TO_EXACT_PATH:
                return Screened(proven, self._transformed(data, offsets, proven))
        return self._screen_by_values(data, offsets)

    def _transformed(self, data: bytes, offsets: Offsets, proven: npt.NDArray[np.bool_]) -> pa.Table:
        lines = pa.table({"line": _lines(data, offsets), "proven": pa.array(proven)})
        self._connection.register("copy_lines", _batched(lines))
        try:
            return self._connection.sql(self._template_sql).to_arrow_table().cast(self._schema)
        finally:
            self._connection.unregister("copy_lines")

    def _screen_by_values(self, data: bytes, offsets: Offsets) -> Screened:
        clean, doubtful = _utf8_only(data, offsets)
        doubtful |= np.diff(offsets) > OBJECT_LIMIT_BYTES
        found = self._query(_batched(pa.table({"line": _lines(clean, offsets)})))
        accepted = found.column(0).to_numpy() & ~doubtful
        return Screened(accepted, found.drop_columns(["accepted"]).cast(self._schema))

    def _query(self, lines: pa.Table) -> pa.Table:
        self._connection.register("copy_lines", lines)
        try:
            while len(self._queries) > 1:
                try:
                    return self._connection.sql(self._queries[0]).to_arrow_table()
                except duckdb.InvalidInputException:  # malformed JSON: from here on every line is asked first
                    del self._queries[0]
            return self._connection.sql(self._queries[0]).to_arrow_table()
        finally:
            self._connection.unregister("copy_lines")


def _lines(data: bytes, offsets: Offsets) -> pa.Array:
    return pa.LargeStringArray.from_buffers(len(offsets) - 1, pa.py_buffer(offsets), pa.py_buffer(data))


def _batched(table: pa.Table) -> pa.Table:
    return pa.Table.from_batches(table.to_batches(max_chunksize=_BATCH_ROWS), schema=table.schema)


def _utf8_only(data: bytes, offsets: Offsets) -> tuple[bytes, npt.NDArray[np.bool_]]:
    """The data with every invalid byte replaced in place, and which segments had one."""
    doubtful = np.zeros(len(offsets) - 1, dtype=np.bool_)
    if data.isascii() or _is_utf8(data):
        return data, doubtful
    text = data.decode("utf-8", "surrogateescape")
    clean = re.sub("[\udc80-\udcff]", "?", text).encode("utf-8")
    changed = np.flatnonzero(np.frombuffer(clean, dtype=np.uint8) != np.frombuffer(data, dtype=np.uint8))
    changed = changed[changed < offsets[-1]]  # the open end of the data is not screened
    doubtful[np.searchsorted(offsets, changed, side="right") - 1] = True
    return clean, doubtful


def _is_utf8(data: bytes) -> bool:
    whole = np.array([0, len(data)], dtype=np.int64)
    try:
        pa.LargeStringArray.from_buffers(1, pa.py_buffer(whole), pa.py_buffer(data)).validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


# -- SQL -------------------------------------------------------------------------------------------------------------


def _screen_sql(plan: LoadPlan, statement: CopyStatement) -> list[str]:
    """Queries over copy_lines(line): one for chunks in which every line is JSON (it raises when one is not), and one
    for all. Empty when this plan's records all need the exact path."""
    if plan.ignore_case or any(item.path is None for item in plan.mapped):
        return []
    paths = [item.path or () for item in plan.mapped]
    shape = _shape(paths)
    if shape is None:
        return []
    columns = [
        column_sql.screen_column(item, f"s{number}", f"c{number}", statement)
        for number, item in enumerate(plan.mapped)
    ]
    texts = ", ".join(f"{_struct_access(path)} AS s{number}" for number, path in enumerate(paths))
    accepted = ["starts_with(line, '{')", *_parents(paths), *(column.accepted for column in columns)]
    values = ", ".join(f"{column.value} AS c{number}" for number, column in enumerate(columns))
    doubts = [f"contains(line, {column_sql.literal(_ESCAPED_NUL)})"]
    doubts += [f"regexp_matches(line, {column_sql.literal(pattern)})" for pattern in _DOUBTS]
    names = ", ".join(f"c{number}" for number in range(len(columns)))
    sure = f"NOT ({' OR '.join(doubts)})"
    query = f"""
        WITH valid AS (
            SELECT CASE WHEN {{condition}} THEN line END AS line FROM copy_lines
        ), parsed AS (
            SELECT line, json_transform(line, {{shape}}) AS t FROM valid
        ), texts AS (SELECT line, t, {texts} FROM parsed
        ), converted AS (SELECT *, {values} FROM texts)
        SELECT coalesce({" AND ".join(accepted)}, false) AS accepted, {names} FROM converted"""
    structure = column_sql.literal(json.dumps(shape))
    return [
        query.replace("{condition}", condition).replace("{shape}", structure)
        for condition in (sure, f"json_valid(line) AND {sure}")
    ]


def _shape(paths: Iterable[Path]) -> dict[str, object] | None:
    """The structure to extract, every leaf as text; None when one structure cannot hold all paths (array steps, the
    whole record, an element wanted both whole and in parts, names that differ in case only)."""
    root: dict[str, object] = {}
    for path in paths:
        level = root
        for step in path[:-1]:
            below = level.setdefault(str(step), {})
            if not isinstance(step, str) or not isinstance(below, dict):
                return None
            level = below
        if not path or not isinstance(path[-1], str) or level.setdefault(path[-1], "VARCHAR") != "VARCHAR":
            return None
    return root if _distinct_names(root) else None


def _distinct_names(level: dict[str, object]) -> bool:
    names = {name.lower() for name in level}
    below = [value for value in level.values() if isinstance(value, dict)]
    return len(names) == len(level) and "" not in names and all(_distinct_names(value) for value in below)


def _struct_access(path: Path) -> str:
    return "t" + "".join(f"[{column_sql.literal(str(step))}]" for step in path)


def _parents(paths: Sequence[Path]) -> list[str]:
    """Conditions that every element on the way is an object, or null, or missing. DuckDB gives a NULL for whatever is
    looked for in anything else; one element found below proves the object without a second look."""
    conditions: list[str] = []
    for parent in sorted({path[:depth] for path in paths for depth in range(1, len(path))}):
        below = ", ".join(f"s{number}" for number, path in enumerate(paths) if path[: len(parent)] == parent)
        kind = f"coalesce(json_type(line, {column_sql.json_path(parent)}), 'NULL')"
        conditions.append(
            f"CASE WHEN coalesce({below}) IS NULL THEN {kind} IN ('OBJECT', 'NULL') ELSE true END"
        )
    return conditions
