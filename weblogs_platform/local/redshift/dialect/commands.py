"""One client statement as a value: `parse_statement` decides its kind by its first words.

COPY is recognised before anything else and handed on as text. What starts with unknown words is refused with 0A000.
"""

from __future__ import annotations

from collections.abc import Callable

from weblogs_platform.local.redshift.contract import RedshiftError
from weblogs_platform.local.redshift.dialect.create_table import parse_column, parse_create_table
from weblogs_platform.local.redshift.dialect.external import (
    parse_alter_external,
    parse_external_schema,
    parse_external_table,
    starts_external,
)
from weblogs_platform.local.redshift.dialect.privileges import (
    parse_default_privileges,
    parse_grant,
    parse_revoke,
)
from weblogs_platform.local.redshift.dialect.queries import parse_dml, parse_query, parse_select
from weblogs_platform.local.redshift.dialect.reader import Reader
from weblogs_platform.local.redshift.dialect.statements import (
    AddColumn,
    AlterOwner,
    Begin,
    CommentOn,
    Commit,
    Copy,
    CreateSchema,
    CreateView,
    Drop,
    DropColumn,
    Explain,
    LockTables,
    Maintenance,
    Name,
    ObjectKind,
    Query,
    RenameColumn,
    RenameTable,
    Rollback,
    SetParameter,
    ShowParameter,
    Statement,
    Truncate,
    Unload,
    Write,
)


def parse_statement(sql: str) -> Statement:
    """The statement that `sql` (one, without semicolon, parameters marked) is.

    Raises RedshiftError 42601 for bad syntax, 0A000 for what is not built.
    """
    reader = Reader(sql)
    first = reader.peek()
    if first is not None and first.value == "(":
        return parse_query(sql)
    verb = reader.name()
    parse = _PARSERS.get(verb)
    if parse is None:
        raise RedshiftError("0A000", f"statement {verb.upper()} is not supported")
    return parse(reader)


def _begin(reader: Reader) -> Statement:
    _ = reader.accept("work") or reader.accept("transaction")
    if reader.accept("isolation", "level"):
        _isolation_level(reader)
    _ = reader.accept("read", "write")
    if reader.accept("read", "only"):
        raise RedshiftError("0A000", "READ ONLY transactions are not supported")
    reader.end()
    return Begin()


def _isolation_level(reader: Reader) -> None:
    levels = (
        ("serializable",),
        ("snapshot",),
        ("read", "committed"),
        ("read", "uncommitted"),
        ("repeatable", "read"),
    )
    if not any(reader.accept(*level) for level in levels):
        reader.refuse()


def _start(reader: Reader) -> Statement:
    reader.expect("transaction")
    return _begin(reader)


def _commit(reader: Reader) -> Statement:
    _ = reader.accept("work") or reader.accept("transaction")
    reader.end()
    return Commit()


def _rollback(reader: Reader) -> Statement:
    _ = reader.accept("work") or reader.accept("transaction")
    reader.end()
    return Rollback()


def _lock(reader: Reader) -> Statement:
    reader.accept("table")
    names = _names(reader)
    reader.end()
    return LockTables(names)


def _names(reader: Reader) -> tuple[Name, ...]:
    names = [reader.qualified_name()]
    while reader.accept_op(","):
        names.append(reader.qualified_name())
    return tuple(names)


def _copy(reader: Reader) -> Statement:
    return Copy(reader.sql)


def _explain(reader: Reader) -> Statement:
    reader.accept("verbose")
    statement = parse_statement(reader.rest())
    if not isinstance(statement, (Query, Write)):
        raise RedshiftError("0A000", "EXPLAIN takes a query, INSERT, UPDATE, DELETE or MERGE")
    return Explain(statement)


def _set(reader: Reader) -> Statement:
    if reader.is_word("session") or reader.is_word("local"):
        raise RedshiftError("0A000", f"SET {reader.name().upper()} is not supported")
    if reader.accept("transaction", "isolation", "level"):
        _isolation_level(reader)
        reader.end()
        return SetParameter("transaction_isolation", "serializable")
    name = "timezone" if reader.accept("time", "zone") else reader.name()
    if name != "timezone" and reader.accept_op("."):
        name = f"{name}.{reader.name()}"
    _ = reader.accept("to") or reader.accept_op("=")
    if reader.accept("default"):
        reader.end()
        return SetParameter(name, None)
    return SetParameter(name, _setting_value(reader))


def _setting_value(reader: Reader) -> str:
    sign = "-" if reader.accept_op("-") else ""
    values = [sign + reader.take().value]
    while reader.accept_op(","):
        values.append(reader.take().value)
    reader.end()
    return ", ".join(values)


def _reset(reader: Reader) -> Statement:
    name = reader.name()
    reader.end()
    return SetParameter(name, None, tag="RESET")


def _show(reader: Reader) -> Statement:
    name = "timezone" if reader.accept("time", "zone") else reader.name()
    reader.end()
    return ShowParameter(name)


def _create(reader: Reader) -> Statement:
    replace = reader.accept("or", "replace")
    if reader.accept("view"):
        return _create_view(reader, replace=replace)
    if replace:
        raise RedshiftError("0A000", "CREATE OR REPLACE is supported for views only")
    if reader.accept("schema"):
        return _create_schema(reader)
    if reader.accept("external", "schema"):
        return parse_external_schema(reader)
    if reader.accept("external", "table"):
        return parse_external_table(reader)
    reader.accept("local")
    temporary = reader.accept("temp") or reader.accept("temporary")
    if reader.accept("table"):
        return parse_create_table(reader, temporary=temporary)
    raise RedshiftError("0A000", f"CREATE {reader.name().upper()} is not supported")


def _create_view(reader: Reader, *, replace: bool) -> Statement:
    name = reader.qualified_name()
    opening = reader.peek()
    columns = reader.name_list() if opening is not None and opening.value == "(" else ()
    reader.expect("as")
    text = reader.rest()
    late = text.lower().rstrip().endswith("no schema binding")
    if late:
        raise RedshiftError("0A000", "WITH NO SCHEMA BINDING is not supported")
    return CreateView(name, replace, columns, parse_query(text))


def _create_schema(reader: Reader) -> Statement:
    if_not_exists = reader.accept("if", "not", "exists")
    name = reader.name()
    if reader.accept("authorization"):
        reader.name()
    if not reader.at_end:
        raise RedshiftError("0A000", "CREATE SCHEMA takes no QUOTA and no schema elements here")
    return CreateSchema(name, if_not_exists)


def _drop(reader: Reader) -> Statement:
    kind: ObjectKind
    if reader.accept("table"):
        kind = "table"
    elif reader.accept("view"):
        kind = "view"
    elif reader.accept("schema"):
        kind = "schema"
    else:
        raise RedshiftError("0A000", f"DROP {reader.name().upper()} is not supported")
    if_exists = reader.accept("if", "exists")
    names = _names(reader)
    external_database = kind == "schema" and reader.accept("drop", "external", "database")
    cascade = reader.accept("cascade")
    _ = cascade or reader.accept("restrict")
    reader.end()
    return Drop(kind, names, if_exists, cascade, external_database)


def _truncate(reader: Reader) -> Statement:
    reader.accept("table")
    name = reader.qualified_name()
    reader.end()
    return Truncate(name)


def _alter(reader: Reader) -> Statement:
    if reader.accept("default", "privileges"):
        return parse_default_privileges(reader)
    if reader.accept("schema"):
        name = reader.name()
        reader.expect("owner", "to")
        return _ended(reader, AlterOwner("schema", (None, name), reader.name()))
    if not reader.accept("table"):
        raise RedshiftError("0A000", f"ALTER {reader.name().upper()} is not supported")
    return _ended(reader, _alter_table(reader, reader.qualified_name()))


def _ended(reader: Reader, statement: Statement) -> Statement:
    reader.end()
    return statement


def _alter_table(reader: Reader, table: Name) -> Statement:
    if starts_external(reader):
        return parse_alter_external(reader, table)
    if reader.accept("add"):
        reader.accept("column")
        return AddColumn(table, parse_column(reader))
    if reader.accept("drop"):
        reader.accept("column")
        return DropColumn(table, reader.name())
    if reader.accept("rename", "to"):
        return RenameTable(table, reader.name())
    if reader.accept("rename"):
        reader.accept("column")
        old = reader.name()
        reader.expect("to")
        return RenameColumn(table, old, reader.name())
    if reader.accept("owner", "to"):
        return AlterOwner("table", table, reader.name())
    raise RedshiftError("0A000", f"ALTER TABLE {reader.name().upper()} is not supported")


def _comment(reader: Reader) -> Statement:
    reader.expect("on")
    kind: ObjectKind = "table"
    column: str | None = None
    if reader.accept("column"):
        (schema, table), column = _column_name(reader)
        name: Name = (schema, table)
    elif reader.accept("schema"):
        kind, name = "schema", (None, reader.name())
    else:
        kind = "view" if reader.accept("view") else "table"
        _ = kind == "view" or reader.expect("table")
        name = reader.qualified_name()
    reader.expect("is")
    text = None if reader.accept("null") else reader.string()
    return _ended(reader, CommentOn(kind, name, column, text))


def _column_name(reader: Reader) -> tuple[Name, str]:
    parts = [reader.name()]
    while reader.accept_op("."):
        parts.append(reader.name())
    if not 2 <= len(parts) <= 3:
        reader.refuse()
    return ((parts[-3] if len(parts) == 3 else None), parts[-2]), parts[-1]


def _analyze(reader: Reader) -> Statement:
    reader.accept("verbose")
    if reader.accept("compression"):
        raise RedshiftError("0A000", "ANALYZE COMPRESSION is not supported")
    name = None if reader.at_end else reader.qualified_name()
    if reader.accept("predicate", "columns") or reader.accept("all", "columns") or reader.at_end:
        return _ended(reader, Maintenance("ANALYZE", name))
    reader.name_list()
    return _ended(reader, Maintenance("ANALYZE", name))


def _vacuum(reader: Reader) -> Statement:
    for option in (("full",), ("sort", "only"), ("delete", "only"), ("reindex",), ("recluster",)):
        if reader.accept(*option):
            break
    name = None if reader.at_end else reader.qualified_name()
    if reader.accept("to"):
        reader.integer()
        reader.expect("percent")
    reader.accept("boost")
    return _ended(reader, Maintenance("VACUUM", name))


def _query(reader: Reader) -> Statement:
    return parse_select(reader.sql)


def _dml(reader: Reader) -> Statement:
    return parse_dml(reader.sql)


def _unload(reader: Reader) -> Statement:
    return Unload(reader.sql)


_PARSERS: dict[str, Callable[[Reader], Statement]] = {
    "select": _query,
    "with": _query,
    "insert": _dml,
    "update": _dml,
    "delete": _dml,
    "merge": _dml,
    "copy": _copy,
    "unload": _unload,
    "explain": _explain,
    "begin": _begin,
    "start": _start,
    "commit": _commit,
    "end": _commit,
    "rollback": _rollback,
    "abort": _rollback,
    "lock": _lock,
    "set": _set,
    "reset": _reset,
    "show": _show,
    "create": _create,
    "drop": _drop,
    "truncate": _truncate,
    "alter": _alter,
    "comment": _comment,
    "grant": parse_grant,
    "revoke": parse_revoke,
    "analyze": _analyze,
    "analyse": _analyze,
    "vacuum": _vacuum,
}
