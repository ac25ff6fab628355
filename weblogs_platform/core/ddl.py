"""What `sql/ddl` declares, and how a warehouse differs from it: columns, their types and their order.

It reads the form that our files have, one column a line, and refuses what it does not know. Keys, encodings,
distribution and defaults are left out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from weblogs_platform.core.errors import InvalidDocument

_TABLE = re.compile(r"CREATE TABLE IF NOT EXISTS (\w+\.\w+) \(\n(.*?)\n\)", re.DOTALL)
_COLUMN = re.compile(r"(\w+)\s+([A-Z]+)(?:\((\d+)(?:,\s*(\d+))?\))?(?: PRECISION)?(?:\s+(.*))?")
_KEY = re.compile(r"PRIMARY KEY \(([^)]*)\)")
_TYPES = {
    "VARCHAR": "character varying",
    "DECIMAL": "numeric",
    "TIMESTAMP": "timestamp without time zone",
    "DATE": "date",
    "BIGINT": "bigint",
    "INT": "integer",
    "INTEGER": "integer",
    "FLOAT": "double precision",
    "DOUBLE": "double precision",
    "BOOLEAN": "boolean",
}


@dataclass(frozen=True)
class Column:
    """A column; `type` as `svv_all_columns` names it, with length or precision: `character varying(255)`."""

    name: str
    type: str
    nullable: bool
    declared: str = ""
    """Its line in the file; empty for what a warehouse has."""


@dataclass(frozen=True)
class Table:
    """A table, `schema.name`, with its columns in their order."""

    name: str
    columns: tuple[Column, ...]


def typed(name: str, length: int | None, precision: int | None, scale: int | None) -> str:
    """A type with what belongs to it, of the columns of `svv_all_columns`."""
    if name == "character varying":
        return f"{name}({length})"
    return f"{name}({precision},{scale})" if name == "numeric" else name


def declared_table(text: str) -> Table | None:
    """The table that a file of `sql/ddl` creates; None for a schema. Raises InvalidDocument."""
    match = _TABLE.search(text)
    if match is None:
        if "CREATE TABLE" in text:
            raise InvalidDocument(f"cannot read a table out of: {text.splitlines()[0]}")
        return None
    lines = [line.strip().rstrip(",") for line in match[2].splitlines()]
    keys = {name.strip() for line in lines for key in _KEY.findall(line) for name in key.split(",")}
    declared = [line for line in lines if line and not _KEY.match(line) and not line.startswith("--")]
    return Table(match[1], tuple(_column(line, match[1], keys) for line in declared))


def _column(line: str, table: str, keys: set[str]) -> Column:
    match = _COLUMN.fullmatch(line)
    if match is None:
        raise InvalidDocument(f"cannot read the column of {table}: {line}")
    name, base, first, second, rest = match.groups()
    if base not in _TYPES:
        raise InvalidDocument(f"cannot read the type of {table}.{name}: {base}")
    size = int(first) if first else None
    full = typed(_TYPES[base], size, size, int(second) if second else 0)
    return Column(name, full, "NOT NULL" not in (rest or "") and name not in keys, line)


@dataclass(frozen=True)
class Drift:
    """One difference of a table; `sql` mends it, empty where a person has to decide."""

    says: str
    sql: str = ""


def drifts(declared: Table, present: Sequence[Column]) -> list[Drift]:
    """How a table of the warehouse differs from its declaration."""
    there = {column.name: column for column in present}
    wanted = {column.name: column for column in declared.columns}
    found = [
        Drift(f"has no column {name}", f"ALTER TABLE {declared.name} ADD COLUMN {column.declared}")
        for name, column in wanted.items()
        if name not in there
    ]
    found += [Drift(f"has a column {name} that nobody declared") for name in there if name not in wanted]
    for name, column in wanted.items():
        actual = there.get(name)
        if actual and actual.type != column.type:
            found.append(Drift(f"has {name} as {actual.type}, declared is {column.type}"))
        elif actual and actual.nullable != column.nullable:
            found.append(Drift(f"has {name} {'NULL' if actual.nullable else 'NOT NULL'}, declared otherwise"))
    if not found and [*there] != [*wanted]:
        found.append(Drift(f"has its columns in another order: {', '.join(there)}"))
    return found
