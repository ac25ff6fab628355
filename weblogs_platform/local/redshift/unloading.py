"""UNLOAD within a session: its query with locks and privileges, its credentials, its counters and history."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

import duckdb
from sqlglot import exp

from weblogs_platform.local.redshift.contract import RedshiftError, S3Credentials
from weblogs_platform.local.redshift.dialect.names import name_results
from weblogs_platform.local.redshift.dialect.queries import parse_query
from weblogs_platform.local.redshift.dialect.statements import Query
from weblogs_platform.local.redshift.results import Execution
from weblogs_platform.local.redshift.s3 import S3Client, role_credentials
from weblogs_platform.local.redshift.session import Session
from weblogs_platform.local.redshift.unload import UnloadStatement, parse_unload, run_unload
from weblogs_platform.local.redshift.unload.history import record_unload
from weblogs_platform.local.redshift.unload.target import UnloadTarget


def execute_unload(session: Session, sql: str, run_query: Callable[[Query], Execution]) -> Execution:
    """Runs UNLOAD; `run_query` runs its query in the session. Raises RedshiftError as the engine does."""
    statement = parse_unload(sql)
    query = parse_query(statement.query)
    if query.tree.args.get("limit") is not None:
        raise RedshiftError(
            "0A000",
            "UNLOAD: LIMIT is not supported in the outer SELECT",
            hint="Select from a query that has the LIMIT.",
        )
    config = session.backend.config
    credentials = _credentials(session, statement)
    session.query_state.last_unload_count = 0
    execution = run_query(_sorted_by_partition(query, statement.partition_by))
    context = session.new_query()
    client = S3Client(credentials, endpoint=config.s3_endpoint, region=statement.region or config.s3_region)
    with closing(client):
        target = UnloadTarget(statement, client)
        try:
            rows = run_unload(
                statement,
                execution.columns or [],
                execution.batches.take(),
                target,
                session.backend.database.path.parent,
                session.check_cancelled,
            )
        except (RedshiftError, duckdb.Error) as error:
            record_unload(session.backend.history, context, statement, target.files, 0, _message(error))
            raise
    record_unload(session.backend.history, context, statement, target.files, rows, None)
    session.query_state.last_unload_count = rows
    notice = f"UNLOAD completed, {rows} record(s) unloaded successfully."
    return Execution("UNLOAD", notices=[("00000", notice)])


def _message(error: Exception) -> str:
    return error.message if isinstance(error, RedshiftError) else str(error)


def _credentials(session: Session, statement: UnloadStatement) -> S3Credentials:
    if statement.access_keys is not None:
        return statement.access_keys
    role = statement.iam_role or "default"
    if session.read_only:  # the cluster's roles are for administrators
        raise RedshiftError("42501", f"User {session.user} is not authorized to assume IAM Role {role}")
    return role_credentials(session.backend.config, session.user, role)


def _sorted_by_partition(query: Query, partition_by: tuple[str, ...]) -> Query:
    """The query with the rows of each partition together, and in the order that they had."""
    if not partition_by:
        return query
    inner = query.tree.copy()
    name_results(inner)
    numbered = (
        exp.select("*")
        .select(exp.Window(this=exp.Anonymous(this="row_number"), over="OVER").as_("rs_unload_row"))
        .from_(exp.Subquery(this=inner, alias=exp.TableAlias(this=exp.to_identifier("rs_unload_query"))))
    )
    star = exp.Star(except_=[exp.to_identifier("rs_unload_row")])
    order = [exp.Ordered(this=exp.column(name)) for name in (*partition_by, "rs_unload_row")]
    outer = exp.select(star).from_(
        exp.Subquery(this=numbered, alias=exp.TableAlias(this=exp.to_identifier("rs_unload_rows")))
    )
    return Query(outer.order_by(*order))
