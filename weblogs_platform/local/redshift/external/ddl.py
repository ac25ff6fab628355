"""DDL of external schemas and tables. In a transaction block it is refused, as in Redshift."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import duckdb

from weblogs_platform.local.redshift.contract import ColumnInfo, RedshiftError
from weblogs_platform.local.redshift.datatypes import DeclaredType
from weblogs_platform.local.redshift.dialect.external import check_names
from weblogs_platform.local.redshift.dialect.external_statements import (
    AddPartitions,
    CreateExternalSchema,
    CreateExternalTable,
    DropPartition,
    ExternalColumn,
    ExternalDdl,
    Name,
    PartitionValues,
    SetLocation,
    SetTableProperties,
)
from weblogs_platform.local.redshift.dialect.statements import ColumnSpec
from weblogs_platform.local.redshift.dialect.translate import quoted
from weblogs_platform.local.redshift.external.metadata import (
    ExternalSchema,
    ExternalTable,
    Metadata,
    partition_key,
)
from weblogs_platform.local.redshift.locks import Mode
from weblogs_platform.local.redshift.results import Execution
from weblogs_platform.local.redshift.s3 import role_credentials
from weblogs_platform.local.redshift.session import Session

# Spectrum's types that Parquet has here.
_TYPES = frozenset(
    [
        "smallint",
        "integer",
        "bigint",
        "numeric",
        "real",
        "double precision",
        "boolean",
        "character",
        "character varying",
        "date",
        "timestamp without time zone",
    ]
)


def execute_external_ddl(session: Session, statement: ExternalDdl) -> Execution:
    """Runs it. Raises RedshiftError: 25001 in a transaction block, 42501, 42P01, 42P07, 0A000."""
    if session.read_only:
        raise RedshiftError("42501", f"permission denied: user {session.user} is read-only")
    if isinstance(statement, CreateExternalSchema):
        return _create_schema(session, statement)
    verb = "CREATE EXTERNAL TABLE" if isinstance(statement, CreateExternalTable) else "ALTER TABLE"
    refuse_block(session, f"{verb} of an external table")
    _RUN[type(statement)](session, statement)
    session.catalog_changes()
    return Execution(verb)


def refuse_block(session: Session, what: str) -> None:
    """Raises RedshiftError 25001 in a transaction block."""
    if not session.implicit:
        raise RedshiftError("25001", f"{what} cannot run inside a transaction block")


def _metadata(session: Session) -> Metadata:
    return Metadata(session.connection, session.backend.database.name)


def _create_schema(session: Session, statement: CreateExternalSchema) -> Execution:
    if statement.create_database:
        refuse_block(session, "CREATE EXTERNAL DATABASE")
    name = statement.name
    if name.startswith("pg_") or name in ("rs_internal", "information_schema", "main"):
        raise RedshiftError("42939", f'unacceptable schema name "{name}"')
    role_credentials(session.backend.config, session.user, statement.role)
    session.lock(f"schema {name}", Mode.EXCLUSIVE)
    session.lock("data catalog", Mode.EXCLUSIVE)
    metadata = _metadata(session)
    if session.catalog.schema_exists(name):
        if not statement.if_not_exists:
            raise RedshiftError("42P06", f'Schema "{name}" already exists')
        notice = f'Schema "{name}" already exists and will be skipped'
        return Execution("CREATE SCHEMA", notices=[("42P06", notice)])
    if not metadata.database_exists(statement.database):
        if not statement.create_database:
            raise RedshiftError(
                "3D000",
                f'external database "{statement.database}" does not exist',
                hint="CREATE EXTERNAL DATABASE IF NOT EXISTS creates it.",
            )
        metadata.add_database(statement.database)
    # The local schema holds nothing: it is there for GRANT USAGE and for the catalog's views.
    session.connection.execute(f"CREATE SCHEMA {quoted(session.backend.database.name)}.{quoted(name)}")
    schema = ExternalSchema(name, statement.database, statement.role, statement.region)
    metadata.add_schema(schema, session.backend.database.new_table_id(), session.user)
    session.catalog_changes()
    return Execution("CREATE SCHEMA")


def _create_table(session: Session, statement: CreateExternalTable) -> None:
    session.lock("data catalog", Mode.EXCLUSIVE)
    metadata = _metadata(session)
    schema_name, name = statement.name
    schema = metadata.schema(schema_name) if schema_name else None
    if schema is None:
        raise RedshiftError(
            "3F000", f'"{schema_name or name}" is not an external schema: name one before the table'
        )
    if not metadata.database_exists(schema.database):
        raise RedshiftError("3D000", f'external database "{schema.database}" does not exist')
    if metadata.table(schema.name, name) is not None:
        raise RedshiftError("42P07", f'Relation "{name}" already exists')
    table = ExternalTable(
        schema,
        name,
        session.backend.database.new_table_id(),
        statement.location,
        statement.storage,
        _column_infos(statement.columns),
        _column_infos(statement.partitions),
    )
    metadata.add_table(table, statement.properties)


def _column_infos(columns: tuple[ExternalColumn, ...]) -> tuple[ColumnInfo, ...]:
    for column in columns:
        if column.type.name not in _TYPES:
            raise RedshiftError(
                "0A000", f'Unsupported type "{column.type.text}" for external table column "{column.name}"'
            )
    return tuple(
        ColumnInfo(
            column.name, column.type.name, column.type.length, column.type.precision, column.type.scale
        )
        for column in columns
    )


def _existing(session: Session, name: Name) -> tuple[Metadata, ExternalTable]:
    session.lock("data catalog", Mode.EXCLUSIVE)
    metadata = _metadata(session)
    table = metadata.table(name[0], name[1]) if name[0] else None
    if table is None:
        relation = session.relation(*name)  # raises when there is none at all
        raise RedshiftError("42809", f'"{relation.name}" is not an external table')
    return metadata, table


def _add_partitions(session: Session, statement: AddPartitions) -> None:
    metadata, table = _existing(session, statement.table)
    there = metadata.partition_keys(table)
    added: dict[str, str] = {}
    for values, location in statement.partitions:
        key = _key(session, table, values)
        if key not in there and key not in added:
            added[key] = location
        elif not statement.if_not_exists:
            raise RedshiftError("42710", f"Partition already exists: {key}")
    metadata.add_partitions(table, added)


def _key(session: Session, table: ExternalTable, values: PartitionValues) -> str:
    """The values in the order of the partition columns, each in the form of its type."""
    given = dict(values)
    names = [column.name for column in table.partitions]
    if not names:
        raise RedshiftError("42809", f'"{table.name}" is not partitioned')
    if len(given) != len(values) or set(given) != set(names):
        raise RedshiftError("42601", f"PARTITION takes a value for each of: {', '.join(names)}")
    return partition_key([_canonical(session, column, given[column.name]) for column in table.partitions])


def _canonical(session: Session, column: ColumnInfo, value: str | None) -> str | None:
    if value is None or column.type_name.startswith("character"):
        return value
    kind = DeclaredType(column.type_name, column.length, column.precision, column.scale).duckdb
    try:
        row = session.connection.execute(f"SELECT CAST(CAST(? AS {kind}) AS VARCHAR)", [value])
        return str((row.fetchone() or (value,))[0])
    except duckdb.Error as error:
        raise RedshiftError(
            "22P02", f"'{value}' is no value of partition column {column.name} ({column.type_name})"
        ) from error


def _required(metadata: Metadata, table: ExternalTable, key: str) -> str:
    if key not in metadata.partition_keys(table):
        raise RedshiftError("42704", f"Partition does not exist: {key}")
    return key


def _drop_partition(session: Session, statement: DropPartition) -> None:
    metadata, table = _existing(session, statement.table)
    metadata.drop_partition(table, _required(metadata, table, _key(session, table, statement.values)))


def _set_location(session: Session, statement: SetLocation) -> None:
    metadata, table = _existing(session, statement.table)
    if statement.values is None:
        metadata.set_table_location(table, statement.location)
        return
    key = _required(metadata, table, _key(session, table, statement.values))
    metadata.set_partition_location(table, key, statement.location)


def _set_properties(session: Session, statement: SetTableProperties) -> None:
    metadata, table = _existing(session, statement.table)
    metadata.set_properties(table, statement.properties)


def add_external_column(session: Session, table: Name, column: ColumnSpec) -> None:
    """ADD COLUMN of an external table: null in files that lack it. Raises RedshiftError 0A000, 25001, 42501, 42701."""
    if session.read_only:
        raise RedshiftError("42501", f"permission denied: user {session.user} is read-only")
    refuse_block(session, "ALTER TABLE of an external table")
    if column.not_null or column.says_null or column.default is not None or column.encoding is not None:
        raise RedshiftError(
            "0A000", f'column "{column.name}" of an external table takes no DEFAULT, ENCODE, NOT NULL or NULL'
        )
    metadata, found = _existing(session, table)
    if any(column.name == there.name for there in found.all_columns):
        raise RedshiftError("42701", f'column "{column.name}" of relation "{found.name}" already exists')
    added = (ExternalColumn(column.name, column.type),)
    check_names(added)
    metadata.add_column(found, _column_infos(added)[0])
    session.catalog_changes()


def drop_external_table(session: Session, schema: str, name: str) -> None:
    """DROP TABLE of an external table: what is in S3 stays."""
    refuse_block(session, "DROP TABLE of an external table")
    metadata, table = _existing(session, (schema, name))
    metadata.drop_table(table.schema.database, name)


def drop_external_schema(session: Session, name: str, *, drop_database: bool, cascade: bool) -> bool:
    """DROP SCHEMA of an external one, False for others. Its tables stay in the data catalog unless the database goes
    too."""
    metadata = _metadata(session)
    schema = metadata.schema(name)
    if schema is None:
        return False
    session.lock("data catalog", Mode.EXCLUSIVE)
    if drop_database:
        refuse_block(session, "DROP EXTERNAL DATABASE")
        if metadata.table_names(schema.database) and not cascade:
            raise RedshiftError(
                "2BP01",
                f"cannot drop external database {schema.database}: it has tables (CASCADE drops them)",
            )
        metadata.drop_database(schema.database)
    metadata.drop_schema(name)
    return True


_RUN: dict[type, Callable[[Session, Any], None]] = {
    CreateExternalTable: _create_table,
    AddPartitions: _add_partitions,
    DropPartition: _drop_partition,
    SetLocation: _set_location,
    SetTableProperties: _set_properties,
}
