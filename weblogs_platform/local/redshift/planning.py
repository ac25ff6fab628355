"""Plans: the DuckDB SQL of a query or DML statement, with the locks and privileges that running it needs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import duckdb
from sqlglot import exp

from weblogs_platform.local.redshift.contract import ColumnInfo, RedshiftError
from weblogs_platform.local.redshift.dialect.statements import Query, Write
from weblogs_platform.local.redshift.dialect.translate import Relation, Resolver, Scan, Translation, translate
from weblogs_platform.local.redshift.grants import Grants
from weblogs_platform.local.redshift.locks import Mode


@dataclass(frozen=True)
class Plan:
    """A template (see `translate`), valid while the catalog's version stays the same."""

    template: str
    locks: tuple[tuple[str, Mode], ...]
    live: tuple[str, ...]
    version: tuple[object, ...]
    scans: tuple[Scan, ...] = ()
    described: list[object] = field(default_factory=list)


class Planner(Protocol):
    """What planning needs of the session."""

    user: str
    read_only: bool
    grants: Grants
    raw_connection: duckdb.DuckDBPyConnection


def plan_statement(
    statement: Query | Write, planner: Planner, resolver: Resolver, version: tuple[object, ...]
) -> Plan:
    """Translates and checks. Raises RedshiftError for what may not or cannot be run."""
    translation = translate(statement.tree, resolver)
    for relation in translation.reads:
        check_read(relation, planner)
    if isinstance(statement, Write):
        check_write(_target(translation), planner)
        _check_identity(statement, _target(translation))
    return Plan(translation.sql, _locks(translation), _live(translation), version, tuple(translation.scans))


def _target(translation: Translation) -> Relation:
    if translation.target is None:
        raise RedshiftError("42601", "the statement names no table")
    return translation.target


def check_read(relation: Relation, planner: Planner) -> None:
    """Raises RedshiftError 42501 when a read-only user was not granted the relation."""
    if planner.read_only and relation.kind == "external":
        planner.grants.check_usage(planner.raw_connection, planner.user, relation.schema)
    if planner.read_only and relation.kind in ("table", "view"):
        planner.grants.check_select(planner.raw_connection, planner.user, relation)


def check_write(relation: Relation, planner: Planner) -> None:
    """Raises RedshiftError 42501 / 42809 unless the relation is a table that the user may change."""
    if relation.kind in ("system", "live"):
        raise RedshiftError("42501", f"permission denied for relation {relation.name}")
    if relation.kind == "view":
        raise RedshiftError("42809", f'"{relation.name}" is a view')
    if relation.kind == "external":
        raise RedshiftError("0A000", f'"{relation.name}" is an external table, which is read-only here')
    if planner.read_only and relation.kind != "temporary":
        raise RedshiftError("42501", f"permission denied for relation {relation.name}: user is read-only")


def _locks(translation: Translation) -> tuple[tuple[str, Mode], ...]:
    modes = {relation.lock_key: Mode.READ for relation in translation.reads if relation.lock_key}
    if translation.target is not None and translation.target.lock_key:
        modes[translation.target.lock_key] = Mode.WRITE
    return tuple(sorted((key, mode) for key, mode in modes.items() if key is not None))


def _live(translation: Translation) -> tuple[str, ...]:
    return tuple(relation.name for relation in translation.reads if relation.kind == "live")


def _check_identity(statement: Write, target: Relation) -> None:
    """IDENTITY columns take no values: INSERT has to leave them out, UPDATE too."""
    identities = {column.name for column in _columns(target) if column.is_identity}
    if not identities:
        return
    written = _written_columns(statement.tree, identities)
    if clash := identities & written:
        raise RedshiftError("428C9", f"cannot set an identity column to a value: {min(clash)}")


def _written_columns(tree: exp.Expr, every: set[str]) -> set[str]:
    """The columns that get values; `every` where none are listed."""
    if isinstance(tree, exp.Insert):
        if tree.args.get("default"):
            return set()
        listed = tree.this.expressions if tree.this is not None else []
        return {column.name.lower() for column in listed} or every
    if isinstance(tree, exp.Update):
        return {item.this.name.lower() for item in tree.expressions}
    if isinstance(tree, exp.Merge):
        actions = [when.args["then"] for when in tree.args["whens"].expressions]
        return set().union(*(_written_columns(action, every) for action in actions))
    return set()


def _columns(relation: Relation) -> tuple[ColumnInfo, ...]:
    return tuple(relation.table.columns) if relation.table else ()
