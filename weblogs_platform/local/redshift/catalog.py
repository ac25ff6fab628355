"""What tables, views and system relations exist, and how their columns were declared.

DuckDB's catalog is the truth about names; what it does not keep (declared lengths, keys, encodings, remarks, a
stable id) is JSON in the table's comment, so that it is created, renamed, rolled back and dropped with the table:

    {"id": 100001, "owner": "platform", "style": "KEY", "distkey": "a", "sort": ["a"], "comment": null,
     "columns": {"a": {"t": "character varying", "n": 255, "e": "zstd", "d": "'x'", "c": "a remark"}}}
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import duckdb

from weblogs_platform.local.redshift.contract import ColumnInfo, RedshiftError, TableInfo
from weblogs_platform.local.redshift.database import INTERNAL_SCHEMA
from weblogs_platform.local.redshift.datatypes import DeclaredType, wire_type
from weblogs_platform.local.redshift.dialect.translate import Relation, quoted
from weblogs_platform.local.redshift.external.metadata import Metadata
from weblogs_platform.local.redshift.history_queries import HISTORY_QUERIES

TEMP_SCHEMA = "pg_temp_1"
HIDDEN_SCHEMAS = (INTERNAL_SCHEMA, "main")
_PG_CATALOG = frozenset(
    [
        "svv_all_schemas",
        "svv_all_tables",
        "svv_all_columns",
        "svv_tables",
        "svv_columns",
        "svv_table_info",
        "pg_table_def",
        "pg_tables",
        "pg_views",
        "pg_namespace",
        "pg_database",
        "svv_external_schemas",
        "svv_external_databases",
        "svv_external_tables",
        "svv_external_columns",
        "svv_external_partitions",
    ]
)
_INFORMATION_SCHEMA = frozenset(("tables", "columns", "schemata"))
LIVE = frozenset((*HISTORY_QUERIES, "pg_user"))

_FIND = """
SELECT 'table', database_name, schema_name, comment FROM duckdb_tables()
WHERE table_name = $name AND (database_name = $database OR temporary)
UNION ALL
SELECT 'view', database_name, schema_name, comment FROM duckdb_views()
WHERE view_name = $name AND database_name = $database AND NOT internal
"""
_COLUMNS = """
SELECT column_name, data_type, is_nullable, column_default FROM duckdb_columns()
WHERE database_name = ? AND schema_name = ? AND table_name = ? ORDER BY column_index
"""


@dataclass
class TableNotes:
    """The JSON of a table's comment."""

    id: int
    owner: str
    style: str = "AUTO"
    distkey: str | None = None
    sort: list[str] = field(default_factory=list)
    comment: str | None = None
    columns: dict[str, dict[str, Any]] = field(default_factory=dict)

    def to_json(self) -> str:
        """For COMMENT ON."""
        return json.dumps(self.__dict__, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str | None) -> TableNotes:
        """What `to_json` wrote; a table without it gets empty notes."""
        return cls(**json.loads(text)) if text else cls(id=0, owner="")


def column_notes(declared: DeclaredType, **more: Any) -> dict[str, Any]:
    """The entry of one column; values that are None are left out."""
    notes = {"t": declared.name, "n": declared.length, "p": declared.precision, "s": declared.scale, **more}
    return {key: value for key, value in notes.items() if value is not None}


class Catalog:
    """Lookups through one session's connection, so that it sees its own uncommitted and temporary tables."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, database: str) -> None:
        self._connection = connection
        self._database = database
        self._found: dict[tuple[str | None, str, tuple[str, ...]], Relation] = {}

    def forget(self) -> None:
        """Drops what was looked up: names may mean something else now."""
        self._found.clear()

    def relation(self, schema: str | None, name: str, search_path: Sequence[str]) -> Relation:
        """The relation of this name. Raises RedshiftError 42P01, 3F000 or 42501."""
        key = (schema, name, tuple(search_path))
        found = self._found.get(key)
        if found is None:
            found = self._look_up(schema, name, search_path)
            self._found[key] = found
        return found

    def _look_up(self, schema: str | None, name: str, search_path: Sequence[str]) -> Relation:
        if schema in HIDDEN_SCHEMAS:
            raise RedshiftError("42501", f"permission denied for schema {schema}")
        candidates = self._candidates(name)
        for searched in [TEMP_SCHEMA, *search_path] if schema is None else [schema]:
            if searched in candidates:
                return candidates[searched]
        if schema is not None and (external := self._external(schema, name)) is not None:
            return external
        system = _system_relation(schema, name)
        if system is not None:
            return system
        if (
            schema is not None
            and schema not in (TEMP_SCHEMA, "pg_catalog")
            and not self.schema_exists(schema)
        ):
            raise RedshiftError("3F000", f'schema "{schema}" does not exist')
        written = f"{schema}.{name}" if schema else name
        raise RedshiftError("42P01", f'relation "{written}" does not exist')

    def _external(self, schema: str, name: str) -> Relation | None:
        """External tables are found by their schema's name only, never by the search path."""
        table = Metadata(self._connection, self._database).table(schema, name)
        if table is None:
            return None
        info = TableInfo(schema, name, table.id, "", table.all_columns)
        return Relation("external", schema, name, ("temp", "main", name), info)

    def is_external(self, schema: str) -> bool:
        """Whether the schema stands for a database of the data catalog."""
        return Metadata(self._connection, self._database).schema(schema) is not None

    def _candidates(self, name: str) -> dict[str, Relation]:
        rows = self._connection.execute(_FIND, {"name": name, "database": self._database}).fetchall()
        return {
            relation.schema: relation
            for relation in (self._described(name, *row) for row in rows)
            if relation.schema not in HIDDEN_SCHEMAS
        }

    def _described(self, name: str, kind: str, database: str, schema: str, comment: str | None) -> Relation:
        path = (database, schema, name)
        if kind == "view":
            return Relation("view", schema, name, path, self._table_info(path, schema, comment))
        temporary = database == "temp"
        shown = TEMP_SCHEMA if temporary else schema
        return Relation(
            "temporary" if temporary else "table", shown, name, path, self._table_info(path, shown, comment)
        )

    def _table_info(self, path: tuple[str, str, str], schema: str, comment: str | None) -> TableInfo:
        notes = TableNotes.from_json(comment)
        rows = self._connection.execute(_COLUMNS, path).fetchall()
        columns = tuple(_column(notes.columns.get(row[0], {}), *row) for row in rows)
        duckdb_name = ".".join(quoted(part) for part in path)
        return TableInfo(schema, path[2], notes.id, duckdb_name, columns)

    def notes(self, relation: Relation) -> TableNotes:
        """The notes of a table or view, as they are now."""
        function, column = (
            ("duckdb_views()", "view_name") if relation.kind == "view" else ("duckdb_tables()", "table_name")
        )
        row = self._connection.execute(
            f"SELECT comment FROM {function} WHERE database_name = ? AND schema_name = ? AND {column} = ?",
            relation.path,
        ).fetchone()
        return TableNotes.from_json(row[0] if row else None)

    def write_notes(self, relation: Relation, notes: TableNotes) -> None:
        """Stores them, inside the session's transaction."""
        kind = "VIEW" if relation.kind == "view" else "TABLE"
        text = notes.to_json().replace("'", "''")
        self._connection.execute(f"COMMENT ON {kind} {relation.sql} IS '{text}'")
        self.forget()

    def schema_exists(self, schema: str) -> bool:
        """Whether users may create things in it."""
        row = self._connection.execute(
            "SELECT 1 FROM duckdb_schemas() WHERE database_name = ? AND schema_name = ?",
            [self._database, schema],
        ).fetchone()
        return row is not None and schema not in HIDDEN_SCHEMAS

    def tables_in(self, schema: str) -> list[Relation]:
        """Every table and view of a schema."""
        rows = self._connection.execute(
            "SELECT table_name FROM duckdb_tables() WHERE database_name = $d AND schema_name = $s "
            "UNION ALL SELECT view_name FROM duckdb_views() WHERE database_name = $d AND schema_name = $s "
            "AND NOT internal",
            {"d": self._database, "s": schema},
        ).fetchall()
        return [self.relation(schema, name, ()) for (name,) in rows]


def _column(
    notes: dict[str, Any], name: str, data_type: str, nullable: bool, default: str | None
) -> ColumnInfo:
    declared = (
        DeclaredType(notes["t"], notes.get("n"), notes.get("p"), notes.get("s"))
        if "t" in notes
        else _undeclared(data_type)
    )
    info = ColumnInfo(
        name, declared.name, declared.length, declared.precision, declared.scale, not nullable, default
    )
    return replace(info, is_identity=True) if "i" in notes else info


def _undeclared(data_type: str) -> DeclaredType:
    try:
        return wire_type(data_type).declared
    except RedshiftError:
        return DeclaredType(data_type.lower())


def _system_relation(schema: str | None, name: str) -> Relation | None:
    if schema == "information_schema" and name in _INFORMATION_SCHEMA:
        return Relation("system", schema, name, ("memory", "main", f"rs_information_schema_{name}"))
    if schema in (None, "pg_catalog") and name in _PG_CATALOG:
        return Relation("system", "pg_catalog", name, ("memory", "main", f"rs_{name}"))
    if schema in (None, "pg_catalog") and name in LIVE:
        return Relation("live", "pg_catalog", name, ("temp", "main", live_name(name)))
    return None


def live_name(name: str) -> str:
    """What a live relation is called in the session's connection."""
    return f"rs_live_{name}"
