"""Statements for `weblogs sql`: run on the embedded Redshift, with results as rows, JSON or a table."""

from __future__ import annotations

import datetime as dt
import decimal
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from weblogs_platform.local.endpoints import Endpoints
from weblogs_platform.local.errors import StackError


class QueryRefused(StackError):
    """The server refused the statement; the message is the server's."""


@dataclass(frozen=True)
class Result:
    """Columns and rows; no columns for a statement that returns none."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]

    def to_json(self) -> str:
        """A list of objects. Dates are ISO 8601; a decimal is a number where a double holds it exactly."""
        names = _distinct(self.columns)
        objects = [dict(zip(names, row, strict=True)) for row in self.rows]
        return json.dumps(objects, default=_plain, ensure_ascii=False, indent=2)


def run_statement(endpoints: Endpoints, statement: str) -> Result:
    """Runs and commits one statement. Raises QueryRefused."""
    import redshift_connector

    try:
        with endpoints.connect(timeout=None) as connection, connection.cursor() as cursor:
            connection.autocommit = True
            cursor.execute(statement)
            columns = [_text(column[0]) for column in cursor.description or ()]
            return Result(columns, cursor.fetchall() if columns else [])
    except (redshift_connector.Error, OSError) as error:
        raise QueryRefused(_message(error)) from error


def _distinct(columns: Sequence[str]) -> list[str]:
    """Names as keys: the second `count` of a result is `count_2`."""
    names: list[str] = []
    for column in columns:
        name, number = column, 1
        while name in names:
            number += 1
            name = f"{column}_{number}"
        names.append(name)
    return names


def _plain(value: object) -> object:
    if isinstance(value, decimal.Decimal):
        return _number(value)
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    return str(value)


def _number(value: decimal.Decimal) -> int | float | str:
    if not value.is_finite():
        return str(value)
    if value == value.to_integral_value():
        return int(value)
    return float(value) if decimal.Decimal(repr(float(value))) == value else str(value)


def _text(name: object) -> str:
    return name.decode("utf-8", errors="replace") if isinstance(name, bytes) else str(name)


def _message(error: Exception) -> str:
    """The server's own words: `ERROR 42P01: ...`, its detail and its hint."""
    fields = error.args[0] if error.args else None
    if not isinstance(fields, dict):
        return str(error)
    lines = [f"{fields.get('S', 'ERROR')} {fields.get('C', '')}: {fields.get('M', '')}"]
    lines += [f"{title}: {fields[key]}" for key, title in (("D", "DETAIL"), ("H", "HINT")) if fields.get(key)]
    return "\n".join(lines)
