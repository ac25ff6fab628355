"""ALTER TABLE, COMMENT ON and OWNER TO."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from weblogs_platform.local.redshift.catalog import TableNotes
from weblogs_platform.local.redshift.contract import RedshiftError, TableInfo
from weblogs_platform.local.redshift.dialect.statements import (
    AddColumn,
    AlterOwner,
    CommentOn,
    DropColumn,
    Name,
    RenameColumn,
    RenameTable,
)
from weblogs_platform.local.redshift.dialect.translate import Relation, quoted
from weblogs_platform.local.redshift.external.ddl import add_external_column
from weblogs_platform.local.redshift.locks import Mode
from weblogs_platform.local.redshift.planning import check_write
from weblogs_platform.local.redshift.results import Execution
from weblogs_platform.local.redshift.session import Session
from weblogs_platform.local.redshift.tables import StoredColumn, create_sql, identity_sequence, stored_column


def _locked_table(session: Session, name: Name) -> tuple[Relation, TableInfo, TableNotes]:
    """The table to alter, exclusively locked, as it is once the lock is held."""
    relation = session.relation(*name)
    check_write(relation, session)
    session.lock(relation.lock_key, Mode.EXCLUSIVE)
    session.catalog.forget()
    relation = session.relation(*name)
    return relation, relation.stored_table, session.catalog.notes(relation)


def _stored(table: TableInfo, notes: TableNotes, relation: Relation) -> list[StoredColumn]:
    columns: list[StoredColumn] = []
    for column in table.columns:
        column_notes = notes.columns.get(column.name, {})
        stored = StoredColumn.copied(column, column_notes, with_default=True)
        if column.is_identity:
            sequence = identity_sequence(relation, table.table_id, column.name).replace("'", "''")
            stored = replace(stored, notes=column_notes, default_sql=f"nextval('{sequence}')")
        columns.append(stored)
    return columns


def _rebuild(
    session: Session, relation: Relation, columns: list[StoredColumn], kept: list[str], notes: TableNotes
) -> None:
    """Puts the table's rows into a new one with these columns, and the new one in its place."""
    database, schema, name = relation.path
    fresh = replace(relation, path=(database, schema, f"__rebuilt_{notes.id}"))
    listed = ", ".join(map(quoted, kept))
    connection = session.connection
    connection.execute(create_sql(fresh, columns))
    connection.execute(f"INSERT INTO {fresh.sql} ({listed}) SELECT {listed} FROM {relation.sql}")
    connection.execute(f"DROP TABLE {relation.sql}")
    connection.execute(f"ALTER TABLE {fresh.sql} RENAME TO {quoted(name)}")
    notes.columns = {column.name: column.notes for column in columns}
    session.catalog.write_notes(relation, notes)
    session.catalog_changes()


def add_column(session: Session, statement: AddColumn) -> Execution:
    """ADD COLUMN: existing rows get the default."""
    found = session.relation(*statement.table)
    if found.kind == "external":
        add_external_column(session, (found.schema, found.name), statement.column)
        return Execution("ALTER TABLE")
    relation, table, notes = _locked_table(session, statement.table)
    spec = statement.column
    if any(column.name == spec.name for column in table.columns):
        raise RedshiftError("42701", f'column "{spec.name}" of relation "{relation.name}" already exists')
    if spec.identity is not None:
        raise RedshiftError("0A000", "an IDENTITY column cannot be added to an existing table")
    if spec.not_null and spec.default is None:
        raise RedshiftError(
            "42601", "ALTER TABLE ADD COLUMN defined as NOT NULL must have a non-null default expression"
        )
    columns = _stored(table, notes, relation)
    kept = [column.name for column in columns]
    _rebuild(session, relation, [*columns, stored_column(spec, relation, notes.id)], kept, notes)
    return Execution("ALTER TABLE")


def drop_column(session: Session, statement: DropColumn) -> Execution:
    """DROP COLUMN; not of a distribution or sort key, as in Redshift."""
    relation, table, notes = _locked_table(session, statement.table)
    _require_column(table, statement.column)
    if statement.column == notes.distkey or statement.column in notes.sort:
        raise RedshiftError("0A000", f'cannot drop key column "{statement.column}"')
    columns = [column for column in _stored(table, notes, relation) if column.name != statement.column]
    if not columns:
        raise RedshiftError("0A000", "cannot drop the only column of a table")
    _rebuild(session, relation, columns, [column.name for column in columns], notes)
    return Execution("ALTER TABLE")


def _require_column(table: TableInfo, name: str) -> None:
    if all(column.name != name for column in table.columns):
        raise RedshiftError("42703", f'column "{name}" of relation "{table.name}" does not exist')


def rename_column(session: Session, statement: RenameColumn) -> Execution:
    """RENAME COLUMN."""
    relation, table, notes = _locked_table(session, statement.table)
    _require_column(table, statement.old)
    if any(column.name == statement.new for column in table.columns):
        raise RedshiftError("42701", f'column "{statement.new}" of relation "{table.name}" already exists')
    session.connection.execute(
        f"ALTER TABLE {relation.sql} RENAME COLUMN {quoted(statement.old)} TO {quoted(statement.new)}"
    )

    def renamed(name: str) -> str:
        return statement.new if name == statement.old else name

    notes.columns = {renamed(name): value for name, value in notes.columns.items()}
    notes.sort = [renamed(name) for name in notes.sort]
    notes.distkey = renamed(notes.distkey) if notes.distkey else None
    session.catalog.write_notes(relation, notes)
    session.catalog_changes()
    return Execution("ALTER TABLE")


def rename_table(session: Session, statement: RenameTable) -> Execution:
    """RENAME TO, within the schema."""
    relation, _, notes = _locked_table(session, statement.table)
    database, schema, _ = relation.path
    renamed = replace(relation, name=statement.new, path=(database, schema, statement.new))
    session.lock(renamed.lock_key, Mode.EXCLUSIVE)
    session.connection.execute(f"ALTER TABLE {relation.sql} RENAME TO {quoted(statement.new)}")
    session.catalog.write_notes(renamed, notes)
    session.catalog_changes()
    return Execution("ALTER TABLE")


def set_owner(session: Session, statement: AlterOwner) -> Execution:
    """OWNER TO: noted for the catalog; schemas have no notes, so there it is only checked."""
    if statement.owner not in session.backend.config.users:
        raise RedshiftError("42704", f'user "{statement.owner}" does not exist')
    if session.read_only:
        raise RedshiftError("42501", f"permission denied: user {session.user} is read-only")
    if statement.kind == "schema":
        if not session.catalog.schema_exists(statement.name[1]):
            raise RedshiftError("3F000", f'schema "{statement.name[1]}" does not exist')
        return Execution("ALTER SCHEMA")
    relation, _, notes = _locked_table(session, statement.name)
    _note(session, relation, notes, owner=statement.owner)
    return Execution("ALTER TABLE")


def _note(session: Session, relation: Relation, notes: TableNotes, **changed: Any) -> None:
    _ = session.connection  # the comment belongs to the transaction
    session.catalog.write_notes(relation, replace(notes, **changed))
    session.catalog_changes()


def set_comment(session: Session, statement: CommentOn) -> Execution:
    """COMMENT ON TABLE, VIEW or COLUMN: shown as remarks."""
    if statement.kind == "schema":
        raise RedshiftError("0A000", "COMMENT ON SCHEMA is not supported")
    relation = session.relation(*statement.name)
    if session.read_only:
        raise RedshiftError("42501", f"permission denied: user {session.user} is read-only")
    if relation.table is None:
        raise RedshiftError("42501", f"permission denied for relation {relation.name}")
    if statement.column is None and (relation.kind == "view") != (statement.kind == "view"):
        raise RedshiftError("42809", f'"{relation.name}" is not a {statement.kind}')
    session.lock(relation.lock_key, Mode.EXCLUSIVE)
    notes = session.catalog.notes(relation)
    if statement.column is None:
        _note(session, relation, notes, comment=statement.text)
        return Execution("COMMENT")
    _require_column(relation.table, statement.column)
    entry = {**notes.columns.get(statement.column, {}), "c": statement.text}
    _note(session, relation, notes, columns={**notes.columns, statement.column: entry})
    return Execution("COMMENT")
