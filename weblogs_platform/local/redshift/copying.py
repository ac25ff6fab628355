"""COPY within a session: what the COPY engine asks of it (`CopySession`), and the counters around a load."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import duckdb

from weblogs_platform.local.redshift.contract import (
    CopyOutcome,
    FileLoad,
    LoadError,
    RedshiftError,
    S3Credentials,
    TableInfo,
)
from weblogs_platform.local.redshift.copy import parse_copy, run_copy
from weblogs_platform.local.redshift.locks import Mode
from weblogs_platform.local.redshift.planning import check_write
from weblogs_platform.local.redshift.results import Execution
from weblogs_platform.local.redshift.s3 import role_credentials
from weblogs_platform.local.redshift.session import Session
from weblogs_platform.local.redshift.systables import CopyContext


def execute_copy(session: Session, sql: str) -> Execution:
    """Runs COPY in the session's transaction. Raises RedshiftError as the engine does."""
    statement = parse_copy(sql)
    session.copy_state.last_count = 0
    loader = _Loader(session)
    try:
        outcome = run_copy(statement, loader)
    except (RedshiftError, duckdb.Error):
        if loader.began:  # bad data: the id stays, for a look into stl_load_errors
            session.copy_state.id_before_transaction = session.copy_state.last_id
            loader.record_outcome(statement.source_url, None)
        raise
    loader.record_outcome(statement.source_url, outcome)
    session.copy_state.last_count = outcome.rows
    notice = f"Load into table '{statement.table}' completed, {outcome.rows} record(s) loaded successfully."
    return Execution("COPY", notices=[("00000", notice)])


class _Loader:
    """`CopySession` for one COPY."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._table: TableInfo | None = None
        self._lock_key: str | None = None
        self._query_id: int | None = None
        self.began = False
        self._started: datetime = session.statement_time

    @property
    def connection(self) -> duckdb.DuckDBPyConnection:
        return self._session.connection

    def side_connection(self) -> duckdb.DuckDBPyConnection:
        return self._session.backend.database.cursor()

    def resolve_table(self, schema: str | None, name: str) -> TableInfo:
        relation = self._session.relation(schema, name)
        check_write(relation, self._session)
        self._table = relation.stored_table
        self._lock_key = relation.lock_key
        return self._table

    def lock_for_write(self, table: TableInfo) -> None:
        if table is not self._table:
            raise RedshiftError("XX000", f"COPY locks {table.name}, which it did not resolve")
        self._session.lock(self._lock_key, Mode.WRITE)

    def credentials_for_role(self, role_arn: str) -> S3Credentials:
        return role_credentials(self._session.backend.config, self._session.user, role_arn)

    @property
    def s3_endpoint(self) -> str | None:
        return self._session.backend.config.s3_endpoint

    @property
    def s3_region(self) -> str:
        return self._session.backend.config.s3_region

    def check_cancelled(self) -> None:
        self._session.check_cancelled()

    def loading_began(self) -> None:
        self.began = True
        self._session.copy_state.last_id = self._current_query_id()

    def record_errors(self, errors: Sequence[LoadError]) -> None:
        self._session.backend.history.add_errors(self._context(), errors)

    def record_files(self, files: Sequence[FileLoad]) -> None:
        self._session.backend.history.add_files(self._context(), files)

    def record_outcome(self, source_url: str, outcome: CopyOutcome | None) -> None:
        """Writes the row of sys_load_history."""
        self._session.backend.history.add_load(self._context(), source_url, outcome)

    def _current_query_id(self) -> int:
        if self._query_id is None:
            self._query_id = self._session.new_query().query_id
        return self._query_id

    def _context(self) -> CopyContext:
        if self._table is None:
            raise RedshiftError("XX000", "COPY recorded rows before it resolved its table")
        session = self._session
        return CopyContext(
            user_id=session.backend.user_id(session.user),
            session_id=session.process_id,
            transaction_id=session.transaction_id,
            query_id=self._current_query_id(),
            database=session.backend.database.name,
            table=self._table,
            started=self._started,
        )
