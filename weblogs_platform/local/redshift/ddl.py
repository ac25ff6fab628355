"""DDL and privileges: each statement as DuckDB's own DDL plus the notes that keep what DuckDB does not.

DuckDB cannot add or drop columns that a CHECK (a VARCHAR's length) depends on: such a table is rebuilt within the
transaction. IDENTITY columns are sequences named after the table's id.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from weblogs_platform.local.redshift.alter import (
    add_column,
    drop_column,
    rename_column,
    rename_table,
    set_comment,
    set_owner,
)
from weblogs_platform.local.redshift.catalog import TEMP_SCHEMA, TableNotes, column_notes
from weblogs_platform.local.redshift.contract import RedshiftError, TableInfo
from weblogs_platform.local.redshift.datatypes import wire_type
from weblogs_platform.local.redshift.dialect.external_statements import EXTERNAL_DDL
from weblogs_platform.local.redshift.dialect.statements import (
    AddColumn,
    AlterOwner,
    CommentOn,
    CreateSchema,
    CreateTable,
    CreateTableAs,
    CreateView,
    Distribution,
    Drop,
    DropColumn,
    Grant,
    LikeTable,
    Name,
    RenameColumn,
    RenameTable,
)
from weblogs_platform.local.redshift.dialect.translate import Relation, quoted, stored, translate
from weblogs_platform.local.redshift.external.ddl import (
    drop_external_schema,
    drop_external_table,
    execute_external_ddl,
)
from weblogs_platform.local.redshift.external.session_scans import register_scans
from weblogs_platform.local.redshift.locks import Mode
from weblogs_platform.local.redshift.planning import check_read
from weblogs_platform.local.redshift.results import Execution
from weblogs_platform.local.redshift.session import Session
from weblogs_platform.local.redshift.tables import (
    StoredColumn,
    create_sql,
    create_verb,
    drop_sequences,
    stored_column,
)


def execute_ddl(session: Session, statement: Any) -> Execution:
    """Runs one of `statements.Ddl`. Raises RedshiftError."""
    run = _RUN[type(statement)]
    return run(session, statement)


def _require_writer(session: Session) -> None:
    if session.read_only:
        raise RedshiftError("42501", f"permission denied: user {session.user} is read-only")


def _target(session: Session, name: Name, *, temporary: bool) -> Relation:
    """Where a new table or view goes, locked. Raises RedshiftError 3F000, 42501."""
    schema, table = name
    if temporary or table.startswith("#"):
        if schema not in (None, TEMP_SCHEMA):
            raise RedshiftError("42P16", "cannot create temporary relation in non-temporary schema")
        return Relation("temporary", TEMP_SCHEMA, table, ("temp", "main", table))
    _require_writer(session)
    if schema is not None:
        session.lock(f"schema {schema}", Mode.READ)
    schema = session.creation_schema(schema)
    relation = Relation("table", schema, table, (session.backend.database.name, schema, table))
    session.lock(relation.lock_key, Mode.EXCLUSIVE)
    return relation


def _existing(session: Session, target: Relation) -> Relation | None:
    try:
        found = session.relation(target.schema, target.name)
    except RedshiftError as error:
        if error.sqlstate == "42P01":
            return None
        raise
    return found if found.path == target.path else None


def _refuse_existing(session: Session, target: Relation, *, if_not_exists: bool) -> bool:
    """True when the object is there and may be."""
    session.catalog.forget()
    if _existing(session, target) is None:
        return False
    if not if_not_exists:
        raise RedshiftError("42P07", f'Relation "{target.name}" already exists')
    return True


def _create_table(session: Session, statement: CreateTable) -> Execution:
    target = _target(session, statement.name, temporary=statement.temporary)
    if _refuse_existing(session, target, if_not_exists=statement.if_not_exists):
        notice = f'Relation "{target.name}" already exists, skipping'
        return Execution("CREATE TABLE", notices=[("42P07", notice)])
    table_id = session.backend.database.new_table_id()
    columns = _stored_columns(session, statement, target, table_id)
    _check_keys(statement, {column.name for column in columns})
    for column in columns:
        if column.sequence_sql:
            session.connection.execute(column.sequence_sql)
    session.connection.execute(create_sql(target, columns))
    _annotate(session, target, table_id, statement.distribution, columns)
    return Execution("CREATE TABLE")


def _stored_columns(
    session: Session, statement: CreateTable, target: Relation, table_id: int
) -> list[StoredColumn]:
    columns: list[StoredColumn] = []
    for element in statement.elements:
        if isinstance(element, LikeTable):
            columns += _copied_columns(session, element)
        else:
            columns.append(stored_column(element, target, table_id))
    names = [column.name for column in columns]
    for name in names:
        if names.count(name) > 1:
            raise RedshiftError("42701", f'column "{name}" specified more than once')
    return columns


def _copied_columns(session: Session, like: LikeTable) -> list[StoredColumn]:
    parent = session.relation(*like.parent)
    check_read(parent, session)
    if parent.table is None or parent.kind not in ("table", "temporary"):
        raise RedshiftError("42809", f'"{parent.name}" is not a table')
    session.lock(parent.lock_key, Mode.READ)
    return [
        StoredColumn.copied(column, notes, with_default=like.including_defaults)
        for column, notes in _with_notes(session, parent, parent.table)
    ]


def _with_notes(session: Session, relation: Relation, table: TableInfo) -> list[tuple[Any, dict[str, Any]]]:
    notes = session.catalog.notes(relation)
    return [(column, notes.columns.get(column.name, {})) for column in table.columns]


def _check_keys(statement: CreateTable, names: set[str]) -> None:
    distribution = statement.distribution
    keys = (
        *distribution.sort_keys,
        *statement.primary_key,
        *([distribution.key] if distribution.key else []),
    )
    for key in keys:
        if key not in names:
            raise RedshiftError("42703", f'column "{key}" named in key does not exist')
    if distribution.style == "KEY" and distribution.key is None:
        raise RedshiftError("42601", "DISTSTYLE KEY needs a DISTKEY column")


def _annotate(
    session: Session, target: Relation, table_id: int, distribution: Distribution, columns: list[StoredColumn]
) -> None:
    notes = TableNotes(
        id=table_id,
        owner=session.user,
        style=distribution.style,
        distkey=distribution.key,
        sort=list(distribution.sort_keys),
        columns={column.name: column.notes for column in columns},
    )
    session.catalog.write_notes(target, notes)
    if target.kind == "table":
        session.grants.apply_defaults(session.connection, target.schema, table_id)
    session.catalog_changes()


def _create_table_as(session: Session, statement: CreateTableAs) -> Execution:
    target = _target(session, statement.name, temporary=statement.temporary)
    if _refuse_existing(session, target, if_not_exists=statement.if_not_exists):
        return Execution("SELECT", notices=[("42P07", f'Relation "{target.name}" already exists, skipping')])
    sql, columns = _stored_query(session, statement)
    table_id = session.backend.database.new_table_id()
    row = session.connection.execute(f"{create_verb(target)} {target.sql} AS {sql}").fetchone()
    _annotate(session, target, table_id, statement.distribution, columns)
    return Execution(f"SELECT {row[0] if row else 0}" if row else "SELECT")


def _stored_query(session: Session, statement: CreateTableAs) -> tuple[str, list[StoredColumn]]:
    """The query with every column cast to a type that tables have."""
    translation = translate(statement.query.tree, session)
    for relation in translation.reads:
        check_read(relation, session)
        session.lock(relation.lock_key, Mode.READ)
        if relation.kind == "live":
            raise RedshiftError("0A000", f"CREATE TABLE AS from {relation.name} is not supported")
    register_scans(session, translation.scans, reading=True)
    sql = session.sql(translation.sql)
    result = session.connection.sql(sql)
    names = list(statement.columns) or [name.lower() for name in result.columns]
    if len(names) != len(result.columns):
        raise RedshiftError("42601", "CREATE TABLE AS specifies a different number of column names")
    declared = [wire_type(str(kind)).declared for kind in result.types]
    columns = [
        StoredColumn(name, kind, column_notes(kind)) for name, kind in zip(names, declared, strict=True)
    ]
    listed = ", ".join(
        f"CAST({quoted(name)} AS {kind.duckdb}) AS {quoted(name)}"
        for name, kind in zip(names, declared, strict=True)
    )
    aliases = ", ".join(quoted(name) for name in names)
    return f"SELECT {listed} FROM ({sql}) AS result({aliases})", columns


def _create_view(session: Session, statement: CreateView) -> Execution:
    target = _target(session, statement.name, temporary=False)
    translation = translate(statement.query.tree, session)
    for relation in translation.reads:
        if relation.kind in ("temporary", "live", "external"):
            raise RedshiftError("0A000", f"a view on {relation.name} is not supported")
        session.lock(relation.lock_key, Mode.READ)
    existing = _existing(session, target)
    if existing is not None and (existing.kind != "view" or not statement.replace):
        raise RedshiftError("42P07", f'Relation "{target.name}" already exists')
    aliases = f"({', '.join(map(quoted, statement.columns))})" if statement.columns else ""
    verb = "CREATE OR REPLACE VIEW" if statement.replace else "CREATE VIEW"
    session.connection.execute(f"{verb} {target.sql}{aliases} AS {stored(translation.sql)}")
    view = Relation("view", target.schema, target.name, target.path)
    _annotate(session, view, _view_id(session, existing), Distribution(), [])
    return Execution("CREATE VIEW")


def _view_id(session: Session, existing: Relation | None) -> int:
    known = existing.table.table_id if existing is not None and existing.table else 0
    return known or session.backend.database.new_table_id()


def _create_schema(session: Session, statement: CreateSchema) -> Execution:
    _require_writer(session)
    if statement.name.startswith("pg_") or statement.name in ("rs_internal", "information_schema", "main"):
        raise RedshiftError("42939", f'unacceptable schema name "{statement.name}"')
    session.lock(f"schema {statement.name}", Mode.EXCLUSIVE)
    if session.catalog.schema_exists(statement.name):
        if not statement.if_not_exists:
            raise RedshiftError("42P06", f'Schema "{statement.name}" already exists')
        notice = f'Schema "{statement.name}" already exists and will be skipped'
        return Execution("CREATE SCHEMA", notices=[("42P06", notice)])
    database = quoted(session.backend.database.name)
    session.connection.execute(f"CREATE SCHEMA {database}.{quoted(statement.name)}")
    session.catalog_changes()
    return Execution("CREATE SCHEMA")


def _drop(session: Session, statement: Drop) -> Execution:
    notices: list[tuple[str, str]] = []
    for name in statement.names:
        try:
            drop = _drop_schema if statement.kind == "schema" else _drop_relation
            drop(session, name, statement)
        except RedshiftError as error:
            if not statement.if_exists or error.sqlstate not in ("42P01", "3F000"):
                raise
            notices.append(
                ("00000", f'{statement.kind.title()} "{name[1]}" does not exist and will be skipped')
            )
    session.catalog_changes()
    return Execution(f"DROP {statement.kind.upper()}", notices=notices)


def _drop_relation(session: Session, name: Name, statement: Drop) -> None:
    relation = session.relation(*name)
    if relation.kind != "temporary":
        _require_writer(session)
    if relation.kind == "external" and statement.kind == "table":
        drop_external_table(session, relation.schema, relation.name)
        return
    if (relation.kind == "view") != (statement.kind == "view") or relation.kind in ("system", "live"):
        raise RedshiftError("42809", f'"{relation.name}" is not a {statement.kind}')
    session.lock(relation.lock_key, Mode.EXCLUSIVE)
    sequences = drop_sequences(relation)
    session.connection.execute(f"DROP {statement.kind.upper()} {relation.sql}")
    for sequence in sequences:
        session.connection.execute(sequence)


def _drop_schema(session: Session, name: Name, statement: Drop) -> None:
    _require_writer(session)
    schema = name[1]
    if not session.catalog.schema_exists(schema):
        raise RedshiftError("3F000", f'schema "{schema}" does not exist')
    if schema == "public":
        raise RedshiftError("0A000", "schema public cannot be dropped")
    session.lock(f"schema {schema}", Mode.EXCLUSIVE)
    database, cascade = statement.external_database, statement.cascade
    external = drop_external_schema(session, schema, drop_database=database, cascade=cascade)
    if database and not external:
        raise RedshiftError("42809", f'"{schema}" is not an external schema')
    relations = session.catalog.tables_in(schema)
    if relations and not statement.cascade:
        raise RedshiftError("2BP01", f"cannot drop schema {schema} because other objects depend on it")
    for relation in relations:
        session.lock(relation.lock_key, Mode.EXCLUSIVE)
    session.connection.execute(
        f"DROP SCHEMA {quoted(session.backend.database.name)}.{quoted(schema)} CASCADE"
    )


def _grant(session: Session, statement: Grant) -> Execution:
    _require_writer(session)
    for grantee in statement.grantees:
        if grantee != "public" and grantee not in session.backend.config.users:
            raise RedshiftError("42704", f'user "{grantee}" does not exist')
    for scope, schema, table_id in _granted_objects(session, statement):
        session.grants.record(
            session.connection,
            revoke=statement.revoke,
            privileges=statement.privileges,
            grantees=statement.grantees,
            scope=scope,
            schema=schema,
            table_id=table_id,
        )
    return Execution("REVOKE" if statement.revoke else "GRANT")


def _granted_objects(session: Session, statement: Grant) -> list[tuple[str, str, int | None]]:
    if statement.scope == "table":
        relations = [session.relation(*name) for name in statement.names]
        return [("table", relation.schema, _granted_id(relation)) for relation in relations]
    schemas = [name for _, name in statement.names]
    if statement.scope == "database":
        return [("database", schema, None) for schema in schemas]
    for schema in schemas:
        if not session.catalog.schema_exists(schema):
            raise RedshiftError("3F000", f'schema "{schema}" does not exist')
    if statement.scope == "all_tables":
        return [
            ("table", schema, _granted_id(relation))
            for schema in schemas
            for relation in session.catalog.tables_in(schema)
        ]
    return [(statement.scope, schema, None) for schema in schemas]


def _granted_id(relation: Relation) -> int:
    if relation.kind == "external":
        raise RedshiftError(
            "0A000",
            f"privileges on external table {relation.name} are those of its schema: grant USAGE on that",
        )
    if relation.table is None or not relation.table.table_id:
        raise RedshiftError("0A000", f"privileges on {relation.name} are not supported")
    return relation.table.table_id


_RUN: dict[type, Callable[[Session, Any], Execution]] = {
    CreateTable: _create_table,
    CreateTableAs: _create_table_as,
    CreateView: _create_view,
    CreateSchema: _create_schema,
    Drop: _drop,
    Grant: _grant,
    AddColumn: add_column,
    DropColumn: drop_column,
    RenameColumn: rename_column,
    RenameTable: rename_table,
    AlterOwner: set_owner,
    CommentOn: set_comment,
    **dict.fromkeys(EXTERNAL_DDL, execute_external_ddl),
}
