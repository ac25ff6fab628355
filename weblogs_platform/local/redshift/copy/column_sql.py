"""SQL that converts the text of one element, as DuckDB's JSON gives it, and says whether the result is certain.

DuckDB gives strings unescaped, numbers rewritten (`1.10` as `1.1`, `-0` as `0`), objects and arrays rewritten, null and
a missing element both as NULL. Where the rewriting could matter the raw text is taken from the line, or the
value is not certain. Nothing here can raise: casts are TRY_CASTs behind strict patterns.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from weblogs_platform.local.redshift.contract import ColumnInfo
from weblogs_platform.local.redshift.copy import temporal
from weblogs_platform.local.redshift.copy.jsonpaths import Path
from weblogs_platform.local.redshift.copy.plan import MappedColumn
from weblogs_platform.local.redshift.copy.statement import CopyStatement
from weblogs_platform.local.redshift.copy.values import BLANK_CHARS, type_family

_FLOAT = r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?"
_REWRITTEN = (
    r"^-?\d+(?:\.\d+(?:[eE][+-]?\d+)?|[eE][+-]?\d+)$"  # the shape of a number that may have been rewritten
)
_NESTED_OR_REWRITTEN = rf"^[\[{{]|^0$|{_REWRITTEN}"
_CLOCK = r"(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,6})?"
_DAY = r"[1-9]\d{3}-\d\d-\d\d"
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_ -]+")


@dataclass(frozen=True)
class ColumnSql:
    """`value` is an expression of the column's type; `accepted`, which may use it by name, is true where it is certain."""

    value: str
    accepted: str


def literal(text: str) -> str:
    """A SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def json_path(path: Path) -> str:
    """DuckDB's own notation of a path of object steps."""
    return literal("$" + "".join("." + _quoted_step(str(step)) for step in path))


def _quoted_step(name: str) -> str:
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def screen_column(item: MappedColumn, text: str, name: str, statement: CopyStatement) -> ColumnSql:
    """The SQL for one mapped column: its element's text is the SQL column `text`, its value will be called `name`."""
    column = item.column
    family = type_family(column.type_name)
    if family in ("varchar", "char"):
        return _character(item, text, name, statement)
    value = _boolean(text) if family == "boolean" else _scalar(item, text, family, statement)
    if value is None:
        return ColumnSql(f"CAST(NULL AS {_duckdb_type(column, family)})", _empty(column, text))
    return ColumnSql(value, f"({name} IS NOT NULL OR {_empty(column, text)})")


def _empty(column: ColumnInfo, text: str) -> str:
    """True where the element is NULL for a type that is not a character type, and may be."""
    return "false" if column.not_null else f"coalesce({text}, '') = ''"


def _duckdb_type(column: ColumnInfo, family: str) -> str:
    if family == "numeric":
        return f"DECIMAL({column.precision or 18}, {column.scale or 0})"
    return {"real": "FLOAT", "timestamptz": "TIMESTAMP", "super": "VARCHAR"}.get(family, family.upper())


def _character(item: MappedColumn, text: str, name: str, statement: CopyStatement) -> ColumnSql:
    column = item.column
    family = type_family(column.type_name)
    value = _as_written(item.path or (), text, _NESTED_OR_REWRITTEN)
    null = "false" if column.not_null else "true"
    limit = column.length or (256 if family == "varchar" else 1)
    cases = [f"WHEN {text} IS NULL THEN {null}"]
    if statement.empty_as_null:
        cases.append(f"WHEN {text} = '' THEN {null}")
    if statement.blanks_as_null:
        cases.append(f"WHEN {text} <> '' AND trim({text}, {literal(BLANK_CHARS)}) = '' THEN false")
    if family == "char":
        cases.append(f"WHEN strlen({text}) <> length({text}) THEN false")
    accepted = f"CASE {' '.join(cases)} ELSE coalesce(strlen({name}) <= {limit}, false) END"
    return ColumnSql(f"nullif({value}, '')" if statement.empty_as_null else value, accepted)


def _as_written(path: Path, text: str, doubt: str) -> str:
    """The element's text as it stands in the line, or NULL where that is not certain.

    With no backslash in the line every `"name":` in it is a member name; when just one of them is followed by a
    number, that is the number, digit by digit.
    """
    kind = f"json_type(line, {json_path(path)})"
    name = str(path[-1]) if path else ""
    raw = ""
    if _PLAIN_NAME.fullmatch(name):
        pattern = literal(rf'"{name}"\s*:\s*(-?\d[0-9.eE+-]*)')
        numbers = f"regexp_extract_all(line, {pattern}, 1)"
        raw = (
            f" WHEN {kind} IN ('DOUBLE', 'UBIGINT', 'BIGINT') AND NOT contains(line, '\\') AND len({numbers}) = 1"
            f" THEN {numbers}[1]"
        )
    return (
        f"CASE WHEN NOT ({_may_begin_number_or_nested(text)}) THEN {text}"
        f" WHEN NOT regexp_matches({text}, {literal(doubt)}) THEN {text}"
        f" WHEN {kind} = 'VARCHAR' THEN {text}{raw} END"
    )


def _may_begin_number_or_nested(text: str) -> str:
    """Whether the text begins with `-`, a digit, `[` or `{`: by comparison, which costs much less than a pattern."""
    return " OR ".join(
        f"({text} >= '{first}' AND {text} < '{behind}')" for first, behind in ("-.", "0:", "[\\", "{|")
    )


def _boolean(text: str) -> str:
    folded = f"lower({text})"
    return (
        f"CASE WHEN {folded} IN ('t', 'true', 'y', 'yes', '1') THEN true"
        f" WHEN {folded} IN ('f', 'false', 'n', 'no') THEN false"
        f" WHEN {text} = '0' AND NOT contains(line, '-0') THEN false END"
    )


def _scalar(item: MappedColumn, text: str, family: str, statement: CopyStatement) -> str | None:
    """An expression that is NULL where the text is empty or the value not certain; None when it never is certain."""
    if family in ("smallint", "integer", "bigint"):
        return _guarded(text, r"-?\d{1,19}", f"TRY_CAST({text} AS {family.upper()})")
    if family in ("real", "double"):
        cast = f"TRY_CAST({text} AS {_duckdb_type(item.column, family)})"
        return f"CASE WHEN regexp_full_match({text}, '{_FLOAT}') AND isfinite({cast}) THEN {cast} END"
    if family == "numeric":
        return _numeric(item, text, round_decimals=statement.round_decimals)
    if family == "time":
        return _guarded(text, _CLOCK, f"TRY_CAST({text} AS TIME)")
    if family == "date":
        pattern = _moment_pattern(statement.date_format, temporal.DEFAULT_DATE)
        return pattern and _guarded(text, pattern, f"CAST(TRY_CAST({text} AS TIMESTAMP) AS DATE)")
    if family in ("timestamp", "timestamptz"):
        return _timestamp(text, statement.time_format)
    return None


def _guarded(text: str, pattern: str, value: str) -> str:
    return f"CASE WHEN regexp_full_match({text}, {literal(pattern)}) THEN {value} END"


def _numeric(item: MappedColumn, text: str, *, round_decimals: bool) -> str:
    precision, scale = item.column.precision or 18, item.column.scale or 0
    whole = f"-?\\d{{1,{max(precision - scale, 1)}}}"
    fraction = f"(?:\\.\\d{{1,{scale}}})?" if scale else ""
    any_fraction = fraction if round_decimals else r"(?:\.\d+)?"
    raw = _as_written(item.path or (), text, _REWRITTEN)
    kept = f"regexp_extract({raw}, {literal('^' + whole + fraction)})"
    return _guarded(raw, whole + any_fraction, f"TRY_CAST({kept} AS DECIMAL({precision}, {scale}))")


def _moment_pattern(option: str | None, default: str) -> str | None:
    if option == "auto":
        return rf"{_DAY}(?:[ T]{_CLOCK}Z?)?"
    if option is None or option == default:
        return rf"{_DAY}(?: {_CLOCK})?"
    return None


def _timestamp(text: str, option: str | None) -> str | None:
    if option in ("epochsecs", "epochmillisecs"):
        digits, factor = ("1,10", 1_000_000) if option == "epochsecs" else ("1,13", 1_000)
        return _guarded(text, rf"-?\d{{{digits}}}", f"make_timestamp(TRY_CAST({text} AS BIGINT) * {factor})")
    pattern = _moment_pattern(option, temporal.DEFAULT_TIMESTAMP)
    return pattern and _guarded(text, pattern, f"TRY_CAST({text} AS TIMESTAMP)")
