"""The data catalog: external databases, the schemas that stand for them, tables and partitions.

Everything is read and written through a session's connection, so that it belongs to its transaction. A partition's
values are JSON lists of texts in the form that their types print, in the order of PARTITIONED BY.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from weblogs_platform.local.redshift.contract import ColumnInfo
from weblogs_platform.local.redshift.database import INTERNAL_SCHEMA
from weblogs_platform.local.redshift.datatypes import DeclaredType
from weblogs_platform.local.redshift.dialect.translate import quoted


@dataclass(frozen=True)
class ExternalSchema:
    """A local name for a database of the catalog, and the role that reads its tables."""

    name: str
    database: str
    role: str
    region: str | None


@dataclass(frozen=True)
class ExternalTable:
    """`partitions` are the columns of PARTITIONED BY; `storage` is `parquet` or `symlink`."""

    schema: ExternalSchema
    name: str
    id: int
    location: str
    storage: str
    columns: tuple[ColumnInfo, ...]
    partitions: tuple[ColumnInfo, ...]

    @property
    def all_columns(self) -> tuple[ColumnInfo, ...]:
        return self.columns + self.partitions


@dataclass(frozen=True)
class Partition:
    """`values` are texts or None, one for each partition column."""

    values: tuple[str | None, ...]
    location: str


def partition_key(values: Sequence[str | None]) -> str:
    """How values are stored."""
    return _compact(list(values))


class Metadata:
    """The catalog as one connection sees it."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, database: str) -> None:
        self._connection = connection
        self._schema = f"{quoted(database)}.{INTERNAL_SCHEMA}"

    def _rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        return self._connection.execute(sql.format(s=self._schema), list(parameters)).fetchall()

    # -- databases and schemas -----------------------------------------------------------------------------------

    def database_exists(self, name: str) -> bool:
        return bool(self._rows("SELECT 1 FROM {s}.external_databases WHERE name = ?", [name]))

    def add_database(self, name: str) -> None:
        self._rows("INSERT INTO {s}.external_databases VALUES (?)", [name])

    def drop_database(self, name: str) -> None:
        """With its tables; schemas that stand for it stay, empty."""
        for table in self.table_names(name):
            self.drop_table(name, table)
        self._rows("DELETE FROM {s}.external_databases WHERE name = ?", [name])

    def schema(self, name: str) -> ExternalSchema | None:
        found = self._rows(
            "SELECT name, database_name, role, region FROM {s}.external_schemas WHERE name = ?", [name]
        )
        return ExternalSchema(*found[0]) if found else None

    def add_schema(self, schema: ExternalSchema, schema_id: int, owner: str) -> None:
        row = [schema.name, schema_id, schema.database, schema.role, schema.region, owner]
        self._rows("INSERT INTO {s}.external_schemas VALUES (?, ?, ?, ?, ?, ?)", row)

    def drop_schema(self, name: str) -> None:
        self._rows("DELETE FROM {s}.external_schemas WHERE name = ?", [name])

    # -- tables --------------------------------------------------------------------------------------------------

    def table(self, schema: str, name: str) -> ExternalTable | None:
        """The table as a schema shows it."""
        found = self.schema(schema)
        if found is None:
            return None
        rows = self._rows(
            "SELECT id, location, storage, columns FROM {s}.external_tables WHERE database_name = ? AND name = ?",
            [found.database, name],
        )
        if not rows:
            return None
        table_id, location, storage, columns = rows[0]
        described = [(_column(notes), bool(notes.get("k"))) for notes in json.loads(columns)]
        return ExternalTable(
            found,
            name,
            table_id,
            location,
            storage,
            tuple(column for column, is_key in described if not is_key),
            tuple(column for column, is_key in described if is_key),
        )

    def table_names(self, database: str) -> list[str]:
        rows = self._rows("SELECT name FROM {s}.external_tables WHERE database_name = ?", [database])
        return [name for (name,) in rows]

    def add_table(self, table: ExternalTable, properties: Sequence[tuple[str, str]]) -> None:
        row = [
            table.schema.database, table.name, table.id, table.location, table.storage,
            _all_notes(table.columns, table.partitions), _compact(dict(properties)),
        ]  # fmt: skip
        self._rows("INSERT INTO {s}.external_tables VALUES (?, ?, ?, ?, ?, ?, ?)", row)

    def add_column(self, table: ExternalTable, column: ColumnInfo) -> None:
        """Behind those that its files have; partition columns stay the last."""
        columns = _all_notes((*table.columns, column), table.partitions)
        self._rows("UPDATE {s}.external_tables SET columns = ? WHERE id = ?", [columns, table.id])

    def set_table_location(self, table: ExternalTable, location: str) -> None:
        self._rows("UPDATE {s}.external_tables SET location = ? WHERE id = ?", [location, table.id])

    def set_properties(self, table: ExternalTable, properties: Sequence[tuple[str, str]]) -> None:
        """Adds to those that the table has."""
        self._rows(
            "UPDATE {s}.external_tables SET properties = json_merge_patch(properties, ?) WHERE id = ?",
            [_compact(dict(properties)), table.id],
        )

    def drop_table(self, database: str, name: str) -> None:
        """With its partitions. What is in S3 stays."""
        where = "WHERE database_name = ? AND name = ?"
        self._rows(
            "DELETE FROM {s}.external_partitions WHERE table_id IN "
            f"(SELECT id FROM {{s}}.external_tables {where})",
            [database, name],
        )
        self._rows(f"DELETE FROM {{s}}.external_tables {where}", [database, name])

    # -- partitions ----------------------------------------------------------------------------------------------

    def partitions(self, table: ExternalTable) -> list[Partition]:
        rows = self._rows(
            "SELECT partition_values, location FROM {s}.external_partitions WHERE table_id = ?", [table.id]
        )
        return [Partition(tuple(json.loads(values)), location) for values, location in rows]

    def partition_keys(self, table: ExternalTable) -> set[str]:
        sql = "SELECT partition_values FROM {s}.external_partitions WHERE table_id = ?"
        return {key for (key,) in self._rows(sql, [table.id])}

    def add_partitions(self, table: ExternalTable, locations: Mapping[str, str]) -> None:
        """`locations` by partition key."""
        if locations:
            row = ", ".join(["(?, ?, ?)"] * len(locations))
            values = [value for key, location in locations.items() for value in (table.id, key, location)]
            self._rows(f"INSERT INTO {{s}}.external_partitions VALUES {row}", values)

    def set_partition_location(self, table: ExternalTable, key: str, location: str) -> None:
        self._rows(
            "UPDATE {s}.external_partitions SET location = ? WHERE table_id = ? AND partition_values = ?",
            [location, table.id, key],
        )

    def drop_partition(self, table: ExternalTable, key: str) -> None:
        self._rows(
            "DELETE FROM {s}.external_partitions WHERE table_id = ? AND partition_values = ?", [table.id, key]
        )


def _compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _all_notes(columns: Sequence[ColumnInfo], partitions: Sequence[ColumnInfo]) -> str:
    notes = [_notes(column, None) for column in columns]
    return _compact(notes + [_notes(column, number) for number, column in enumerate(partitions, start=1)])


def _notes(column: ColumnInfo, key_number: int | None) -> dict[str, Any]:
    declared = DeclaredType(column.type_name, column.length, column.precision, column.scale)
    notes = {"c": column.name, "t": declared.name, "x": declared.text, "n": declared.length,
             "p": declared.precision, "s": declared.scale, "k": key_number}  # fmt: skip
    return {name: value for name, value in notes.items() if value is not None}


def _column(notes: dict[str, Any]) -> ColumnInfo:
    return ColumnInfo(notes["c"], notes["t"], notes.get("n"), notes.get("p"), notes.get("s"))
