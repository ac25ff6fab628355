"""GRANT, REVOKE and ALTER DEFAULT PRIVILEGES, read by hand. Grants on functions, languages and external resources,
WITH GRANT OPTION and roles are refused."""

from __future__ import annotations

from typing import Literal

from weblogs_platform.local.redshift.contract import RedshiftError
from weblogs_platform.local.redshift.dialect.reader import Reader
from weblogs_platform.local.redshift.dialect.statements import Grant, Name

_PRIVILEGES = frozenset(
    [
        "select",
        "insert",
        "update",
        "delete",
        "drop",
        "references",
        "truncate",
        "alter",
        "usage",
        "create",
        "temporary",
        "temp",
    ]
)
Scope = Literal["table", "schema", "all_tables", "default_tables", "database"]


def parse_grant(reader: Reader) -> Grant:
    """After the word GRANT."""
    return _grant(reader, revoke=False)


def parse_revoke(reader: Reader) -> Grant:
    """After the word REVOKE."""
    if reader.accept("grant", "option", "for"):
        raise RedshiftError("0A000", "GRANT OPTION is not supported")
    return _grant(reader, revoke=True)


def parse_default_privileges(reader: Reader) -> Grant:
    """After ALTER DEFAULT PRIVILEGES: `IN SCHEMA a, b GRANT select ON TABLES TO u`."""
    if reader.is_word("for"):
        raise RedshiftError("0A000", "ALTER DEFAULT PRIVILEGES FOR USER is not supported")
    reader.expect("in", "schema")
    schemas = _schema_names(reader)
    revoke = reader.accept("revoke")
    _ = revoke or reader.expect("grant")
    privileges = _privileges(reader)
    reader.expect("on", "tables")
    return Grant(revoke, privileges, "default_tables", schemas, _grantees(reader, revoke=revoke))


def _grant(reader: Reader, *, revoke: bool) -> Grant:
    privileges = _privileges(reader)
    reader.expect("on")
    scope, names = _objects(reader)
    return Grant(revoke, privileges, scope, names, _grantees(reader, revoke=revoke))


def _privileges(reader: Reader) -> tuple[str, ...]:
    if reader.accept("all"):
        reader.accept("privileges")
        return ("all",)
    privileges = [reader.name()]
    while reader.accept_op(","):
        privileges.append(reader.name())
    for privilege in privileges:
        if privilege not in _PRIVILEGES:
            raise RedshiftError("0A000", f"privilege {privilege.upper()} is not supported")
    return tuple(privileges)


def _objects(reader: Reader) -> tuple[Scope, tuple[Name, ...]]:
    if reader.accept("all", "tables", "in", "schema"):
        return "all_tables", _schema_names(reader)
    if reader.accept("schema"):
        return "schema", _schema_names(reader)
    if reader.accept("database"):
        return "database", ((None, reader.name()),)
    for unknown in ("function", "procedure", "language", "external", "model", "datashare", "role"):
        if reader.is_word(unknown):
            raise RedshiftError("0A000", f"privileges on {unknown.upper()} are not supported")
    reader.accept("table")
    names = [reader.qualified_name()]
    while reader.accept_op(","):
        names.append(reader.qualified_name())
    return "table", tuple(names)


def _schema_names(reader: Reader) -> tuple[Name, ...]:
    names: list[Name] = [(None, reader.name())]
    while reader.accept_op(","):
        names.append((None, reader.name()))
    return tuple(names)


def _grantees(reader: Reader, *, revoke: bool) -> tuple[str, ...]:
    reader.expect("from" if revoke else "to")
    grantees = [_grantee(reader)]
    while reader.accept_op(","):
        grantees.append(_grantee(reader))
    if reader.is_word("with"):
        raise RedshiftError("0A000", "WITH GRANT OPTION is not supported")
    if revoke:
        _ = reader.accept("cascade") or reader.accept("restrict")
    reader.end()
    return tuple(grantees)


def _grantee(reader: Reader) -> str:
    for unknown in ("group", "role"):
        if reader.is_word(unknown):
            raise RedshiftError("0A000", f"granting to a {unknown.upper()} is not supported")
    return reader.name()
