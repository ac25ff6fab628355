"""Running statements: `describe` and `execute`, by the statement's kind."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from weblogs_platform.local.redshift import ddl
from weblogs_platform.local.redshift.catalog import live_name
from weblogs_platform.local.redshift.contract import RedshiftError
from weblogs_platform.local.redshift.copying import execute_copy
from weblogs_platform.local.redshift.dialect.commands import parse_statement
from weblogs_platform.local.redshift.dialect.lexer import mark_parameters
from weblogs_platform.local.redshift.dialect.statements import (
    Begin,
    Commit,
    Copy,
    Explain,
    LockTables,
    Maintenance,
    Name,
    Query,
    Rollback,
    SetParameter,
    ShowParameter,
    Truncate,
    Unload,
    Write,
)
from weblogs_platform.local.redshift.external.session_scans import register_scans
from weblogs_platform.local.redshift.locks import Mode
from weblogs_platform.local.redshift.parameters import check_parameter_type, null_literal
from weblogs_platform.local.redshift.planning import Plan, check_read, check_write, plan_statement
from weblogs_platform.local.redshift.results import (
    Columns,
    Execution,
    query_execution,
    relation_columns,
    text_columns,
    text_execution,
)
from weblogs_platform.local.redshift.session import Prepared, Session
from weblogs_platform.local.redshift.unloading import execute_unload

_MAX_PARAMETERS = 32767


def prepare(sql: str, parameter_oids: Sequence[int] = ()) -> Prepared:
    """Parses one statement. Raises RedshiftError 42601, 0A000 or 42883."""
    marked, highest = mark_parameters(sql)
    if highest > _MAX_PARAMETERS:
        raise RedshiftError("54023", f"at most {_MAX_PARAMETERS} parameters are possible")
    oids = tuple(parameter_oids) + (0,) * (highest - len(parameter_oids))
    for oid in oids:
        check_parameter_type(oid)
    if not marked.strip():
        return Prepared(None, oids)
    return Prepared(parse_statement(marked), oids)


def analyse(session: Session, prepared: Prepared) -> None:
    """What Redshift checks when it parses: that names exist and types fit. Raises RedshiftError."""
    statement = prepared.statement
    if session.status == "E" and not isinstance(statement, (Commit, Rollback)):
        _refuse_failed(session)
    if isinstance(statement, (Query, Write)):
        with session.statement():
            if isinstance(statement, Query):
                prepared.columns = relation_columns(
                    _relation(session, prepared, statement, _nulls(prepared), reading=False)
                )
            else:
                _plan(session, prepared, statement)


def describe(prepared: Prepared) -> Columns | None:
    """The columns that an analysed statement will return; None for none."""
    statement = prepared.statement
    if isinstance(statement, Query):
        return prepared.columns
    if isinstance(statement, Explain):
        return text_columns("QUERY PLAN")
    if isinstance(statement, ShowParameter):
        return text_columns("name", "setting") if statement.name == "all" else text_columns(statement.name)
    return None


def _refuse_failed(session: Session) -> None:
    if session.status == "E":
        raise RedshiftError(
            "25P02", "current transaction is aborted, commands ignored until end of transaction block"
        )


def _nulls(prepared: Prepared) -> list[str]:
    return [null_literal(oid) for oid in prepared.parameter_oids]


def execute(session: Session, prepared: Prepared, parameters: Sequence[str] = ()) -> Execution:
    """Runs it, inside `session.statement()`; a query's rows are read from the Execution afterwards."""
    statement = prepared.statement
    if isinstance(statement, (Begin, Commit, Rollback)):
        return _transaction_control(session, statement)
    session.require_transaction()
    session.check_cancelled()
    if isinstance(statement, Query):
        return _query(session, prepared, statement, parameters)
    if isinstance(statement, Write):
        return _write(session, prepared, parameters, statement)
    if parameters and not isinstance(statement, Explain):
        raise RedshiftError("42P02", "this kind of statement takes no parameters")
    return _command(session, prepared, parameters)


def _command(session: Session, prepared: Prepared, parameters: Sequence[str]) -> Execution:
    match prepared.statement:
        case None:
            return Execution("")
        case Explain(inner):
            return _explain(session, Prepared(inner, prepared.parameter_oids), inner, parameters)
        case Copy(sql):
            return execute_copy(session, sql)
        case Unload(sql):
            return execute_unload(session, sql, lambda query: _query(session, Prepared(query), query, ()))
        case LockTables(names):
            return _lock_tables(session, names)
        case SetParameter():
            return _set(session, prepared.statement)
        case ShowParameter(name):
            return _show(session, name)
        case Truncate(name):
            return _truncate(session, name)
        case Maintenance():
            return _maintenance(session, prepared.statement)
        case _:
            return ddl.execute_ddl(session, prepared.statement)


def _lock_tables(session: Session, names: Sequence[Name]) -> Execution:
    for schema, name in names:
        relation = session.relation(schema, name)
        check_write(relation, session)
        session.lock(relation.lock_key, Mode.EXCLUSIVE)
    return Execution("LOCK TABLE")


def _transaction_control(session: Session, statement: Begin | Commit | Rollback) -> Execution:
    if isinstance(statement, Begin):
        if session.status == "E":
            _refuse_failed(session)
        fresh = session.begin()
        notices = [] if fresh else [("25001", "there is already a transaction in progress")]
        return Execution("BEGIN", notices=notices)
    none_open = session.status == "I" or session.implicit
    notices = [("25P01", "there is no transaction in progress")] if none_open else []
    if isinstance(statement, Commit) and session.status != "E":
        session.commit()
        return Execution("COMMIT", notices=notices)
    session.rollback()
    return Execution("ROLLBACK", notices=notices)


def _plan(session: Session, prepared: Prepared, statement: Query | Write) -> Plan:
    version = (*session.catalog_version, tuple(session.search_path))
    if prepared.plan is None or prepared.plan.version != version:
        prepared.plan = plan_statement(statement, session, session, version)
    return prepared.plan


def _locked_plan(session: Session, prepared: Prepared, statement: Query | Write) -> Plan:
    """The plan with its locks held: another session may have changed the tables while this one waited."""
    while True:
        plan = _plan(session, prepared, statement)
        for key, mode in plan.locks:
            session.lock(key, mode)
        if plan.version == (*session.catalog_version, tuple(session.search_path)):
            return plan


def _fill(session: Session, plan: Plan, *, reading: bool) -> None:
    """Registers what the plan names and DuckDB does not hold; external tables without `reading` for binding only."""
    register_scans(session, plan.scans, reading=reading)
    for name in plan.live:
        session.raw_connection.register(live_name(name), live_rows(session, name))


def live_rows(session: Session, name: str) -> pa.Table:
    """The rows of a relation that lives outside of DuckDB's snapshot."""
    if name != "pg_user":
        session.scans.write()
        found = session.backend.history.read(name)
        own = pc.field(found.column_names[0]) == session.backend.user_id(session.user)
        return found.filter(own) if session.read_only else found  # only administrators see others' raw lines
    users = session.backend.config.users
    return pa.table(
        {
            "usename": pa.array(list(users), pa.string()),
            "usesysid": pa.array([session.backend.user_id(user) for user in users], pa.int32()),
            "usesuper": pa.array([not users[user].read_only for user in users], pa.bool_()),
        }
    )


def _relation(
    session: Session,
    prepared: Prepared,
    statement: Query,
    parameters: Sequence[str],
    *,
    reading: bool,
) -> duckdb.DuckDBPyRelation:
    """The query bound but not run; binding has its own short snapshot when no transaction has begun."""
    session.detach_results()
    plan = _plan(session, prepared, statement)
    _fill(session, plan, reading=reading)
    return session.raw_connection.sql(session.sql(plan.template, parameters))


def _query(session: Session, prepared: Prepared, statement: Query, parameters: Sequence[str]) -> Execution:
    _locked_plan(session, prepared, statement)
    _ = session.connection
    execution = query_execution(
        _relation(session, prepared, statement, parameters, reading=True), prepared.columns
    )
    session.keep_results(execution.batches)
    return execution


def _write(session: Session, prepared: Prepared, parameters: Sequence[str], statement: Write) -> Execution:
    plan = _locked_plan(session, prepared, statement)
    connection = session.connection
    _fill(session, plan, reading=True)
    row = connection.execute(session.sql(plan.template, parameters)).fetchone()
    count = int(row[0]) if row else 0
    tags = {"INSERT": f"INSERT 0 {count}", "MERGE": "MERGE"}
    return Execution(tags.get(statement.verb, f"{statement.verb} {count}"))


def _explain(
    session: Session, prepared: Prepared, statement: Query | Write, parameters: Sequence[str]
) -> Execution:
    plan = _plan(session, prepared, statement)
    _fill(session, plan, reading=False)
    rows = session.connection.execute("EXPLAIN " + session.sql(plan.template, parameters)).fetchall()
    lines = [[line] for row in rows for line in str(row[1]).splitlines()]
    return text_execution("EXPLAIN", ["QUERY PLAN"], lines)


def _set(session: Session, statement: SetParameter) -> Execution:
    session.settings.set(statement.name, statement.value)
    if statement.name == "timezone":
        session.apply_timezone()
    return Execution(statement.tag)


def _show(session: Session, name: str) -> Execution:
    if name == "all":
        return text_execution("SHOW", ["name", "setting"], session.settings.all())
    return text_execution("SHOW", [name], [[session.settings.get(name)]])


def _truncate(session: Session, name: tuple[str | None, str]) -> Execution:
    relation = session.relation(*name)
    check_write(relation, session)
    session.lock(relation.lock_key, Mode.EXCLUSIVE)
    session.connection.execute(f"TRUNCATE {relation.sql}")
    session.commit()  # as Redshift does: TRUNCATE cannot be rolled back
    return Execution("TRUNCATE TABLE")


def _maintenance(session: Session, statement: Maintenance) -> Execution:
    """Checked for permission and place; DuckDB keeps its statistics and space by itself."""
    if statement.verb == "VACUUM" and not session.implicit:
        raise RedshiftError("25001", "VACUUM cannot run inside a transaction block")
    if statement.name is not None:
        relation = session.relation(*statement.name)
        check_read(relation, session)
        check_write(relation, session)
    return Execution(statement.verb)
