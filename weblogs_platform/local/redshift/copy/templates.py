"""What templates must hold for a COPY: records whose every mapped value the exact path converts, none of them cut,
and which DuckDB's `json_transform` converts to the same.

Few types and options: those of JSON loads as they mostly are. For all others there is no layout, and the screen goes by
values instead of by spelling.
"""

from __future__ import annotations

import json

from weblogs_platform.bulk.templates import (
    BOOLEAN,
    DOUBLE,
    ISO_TIMESTAMP,
    Layout,
    Place,
    Value,
    integer,
    text,
)
from weblogs_platform.local.redshift.copy import column_sql
from weblogs_platform.local.redshift.copy.plan import LoadPlan, MappedColumn
from weblogs_platform.local.redshift.copy.statement import CopyStatement
from weblogs_platform.local.redshift.copy.values import type_family

_DIGITS = {"smallint": 4, "integer": 9, "bigint": 18}
_DUCKDB_TYPES = {"varchar": "VARCHAR", "double": "DOUBLE", "boolean": "BOOLEAN", "timestamp": "TIMESTAMP"}
_LONGEST_KEPT_NUMBER = len("-123456789012345678")


def layout_of(plan: LoadPlan, statement: CopyStatement) -> Layout | None:
    """The layout of this COPY's records; None when templates cannot speak for them."""
    if plan.ignore_case or statement.empty_as_null or statement.blanks_as_null:
        return None
    values: dict[Place, Value] = {}
    for item in plan.mapped:
        place, value = _place(item), _value(item, statement)
        if place is None or value is None or place in values:
            return None
        values[place] = value if item.column.not_null else value.or_null()
    objects = {place[:depth] for place in values for depth in range(1, len(place))}
    needed = {place for item in plan.mapped if item.column.not_null and (place := _place(item))}
    return None if objects & values.keys() else Layout(values, frozenset(objects), frozenset(needed))


def template_sql(plan: LoadPlan) -> str:
    """A query over copy_lines(line, proven): the columns c0, c1, ..., meaningful where the line is proven."""
    root: dict[str, object] = {}
    columns: list[str] = []
    for number, item in enumerate(plan.mapped):
        place = _place(item)
        if place is None:
            raise ValueError(f"{item.column.name} has no place: no layout was made for this plan")
        level: dict[str, object] = root
        for step in place[:-1]:
            level = level.setdefault(step, {})  # pyright: ignore[reportAssignmentType]
        level[place[-1]] = _duckdb_type(item)
        columns.append("t" + "".join(f"[{column_sql.literal(step)}]" for step in place) + f" AS c{number}")
    return (
        f"SELECT {', '.join(columns)} FROM (SELECT json_transform(CASE WHEN proven THEN line END, "
        f"{column_sql.literal(json.dumps(root))}) AS t FROM copy_lines)"
    )


def _place(item: MappedColumn) -> Place | None:
    path = item.path
    if not path or not all(isinstance(step, str) for step in path):
        return None
    return tuple(str(step) for step in path)


def _duckdb_type(item: MappedColumn) -> str:
    family = type_family(item.column.type_name)
    return _DUCKDB_TYPES.get(family, family.upper())


def _value(item: MappedColumn, statement: CopyStatement) -> Value | None:
    family = type_family(item.column.type_name)
    if family in _DIGITS:
        return integer(_DIGITS[family])
    if family == "timestamp":
        return ISO_TIMESTAMP if statement.time_format == "auto" else None
    if family == "varchar":
        limit = item.column.length or 256
        return text(0, limit) | integer(18) if limit >= _LONGEST_KEPT_NUMBER else text(0, limit)
    return {"double": DOUBLE, "boolean": BOOLEAN}.get(family)
