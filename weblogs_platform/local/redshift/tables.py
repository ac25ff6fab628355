"""A table's columns as DuckDB stores them: CREATE TABLE text, length checks, IDENTITY sequences."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from weblogs_platform.local.redshift.catalog import column_notes
from weblogs_platform.local.redshift.contract import ColumnInfo
from weblogs_platform.local.redshift.datatypes import DeclaredType
from weblogs_platform.local.redshift.dialect.queries import parse_expression
from weblogs_platform.local.redshift.dialect.statements import ColumnSpec
from weblogs_platform.local.redshift.dialect.translate import Relation, quoted, translate_expression


@dataclass(frozen=True)
class StoredColumn:
    """One column of a DuckDB table. `default_sql` is DuckDB's SQL; `notes` go into the table's comment."""

    name: str
    type: DeclaredType
    notes: dict[str, Any] = field(default_factory=dict)
    not_null: bool = False
    default_sql: str | None = None
    sequence_sql: str | None = None

    @classmethod
    def copied(cls, column: ColumnInfo, notes: dict[str, Any], *, with_default: bool) -> StoredColumn:
        """The column of another table. An IDENTITY is copied as a plain column, as LIKE does."""
        declared = DeclaredType(column.type_name, column.length, column.precision, column.scale)
        default = column.default_sql if with_default and not column.is_identity else None
        kept = {key: value for key, value in notes.items() if key != "i" and (key != "d" or default)}
        return cls(column.name, declared, kept or column_notes(declared), column.not_null, default)

    @property
    def sql(self) -> str:
        """For CREATE TABLE."""
        parts = [quoted(self.name), self.type.duckdb]
        if self.not_null:
            parts.append("NOT NULL")
        if self.default_sql is not None:
            parts.append(f"DEFAULT {self.default_sql}")
        if self.type.length is not None and self.type.duckdb == "VARCHAR":
            parts.append(f"CHECK (strlen({quoted(self.name)}) <= {self.type.length})")
        return " ".join(parts)


def stored_column(column: ColumnSpec, target: Relation, table_id: int) -> StoredColumn:
    """A declared column. Raises RedshiftError when its DEFAULT cannot be translated."""
    default = translate_expression(parse_expression(column.default)) if column.default else None
    sequence: str | None = None
    if column.identity is not None:
        name = identity_sequence(target, table_id, column.name)
        seed, step = column.identity
        bounds = "" if step > 0 else f" MINVALUE -9223372036854775808 MAXVALUE {max(seed, 1)}"
        sequence = f"CREATE SEQUENCE {name} INCREMENT BY {step}{bounds} START WITH {seed}"
        default = "nextval('" + name.replace("'", "''") + "')"
    notes = column_notes(
        column.type,
        e=column.encoding,
        d=column.default,
        i=list(column.identity) if column.identity else None,
    )
    return StoredColumn(column.name, column.type, notes, column.not_null, default, sequence)


def identity_sequence(relation: Relation, table_id: int, column: str) -> str:
    """The qualified name of the sequence behind an IDENTITY column."""
    database, schema, _ = relation.path
    return ".".join(quoted(part) for part in (database, schema, f"__identity_{table_id}_{column}"))


def drop_sequences(relation: Relation) -> list[str]:
    """DROP statements for the sequences of a table that is gone."""
    if relation.table is None:
        return []
    return [
        f"DROP SEQUENCE IF EXISTS {identity_sequence(relation, relation.table.table_id, column.name)}"
        for column in relation.table.columns
        if column.is_identity
    ]


def create_sql(relation: Relation, columns: list[StoredColumn]) -> str:
    """CREATE TABLE for DuckDB."""
    return f"{create_verb(relation)} {relation.sql} ({', '.join(column.sql for column in columns)})"


def create_verb(relation: Relation) -> str:
    """CREATE TABLE or CREATE TEMP TABLE."""
    return "CREATE TEMP TABLE" if relation.kind == "temporary" else "CREATE TABLE"
