"""History: what COPY, UNLOAD and queries of external tables did, for the system tables of `history_queries`.

Written through connections of their own, so that they outlive a rollback of the transaction that loaded. Read as a
whole before each query that names them, so that a session sees them inside its own older snapshot too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import pyarrow as pa

from weblogs_platform.local.redshift.contract import CopyOutcome, FileLoad, LoadError, TableInfo
from weblogs_platform.local.redshift.database import INTERNAL_SCHEMA, Database
from weblogs_platform.local.redshift.dialect.translate import quoted
from weblogs_platform.local.redshift.history_queries import HISTORY_QUERIES

_KEPT_DAYS = 7
_ENDED = {
    "load_errors": "starttime",
    "load_files": "curtime",
    "loads": "endtime",
    "unload_files": "end_time",
    "unloads": "end_time",
    "external_scans": "end_time",
}


@dataclass(frozen=True)
class QueryContext:
    """Which statement of which session history's rows belong to. `query_id` is what pg_last_query_id() returns."""

    user_id: int
    query_id: int
    transaction_id: int
    session_id: int
    database: str
    started: datetime

    @property
    def row(self) -> list[object]:
        """The columns that such rows begin with."""
        return [self.user_id, self.query_id, self.transaction_id, self.session_id, self.database]


@dataclass(frozen=True)
class CopyContext:
    """Which COPY of which session the rows belong to. `query_id` is what pg_last_copy_id() returns."""

    user_id: int
    session_id: int
    transaction_id: int
    query_id: int
    database: str
    table: TableInfo
    started: datetime


class LoadHistory:
    """The store, in a schema of the database file that users cannot name. Thread-safe."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._schema = f"{quoted(database.name)}.{INTERNAL_SCHEMA}"
        self._prune()

    def _prune(self) -> None:
        with self._database.cursor() as connection:
            for table, column in _ENDED.items():
                connection.execute(
                    f"DELETE FROM {self._schema}.{table} "
                    f"WHERE {column} < CAST(now() AS TIMESTAMP) - INTERVAL {_KEPT_DAYS} DAY"
                )

    def next_query_id(self) -> int:
        """A number that no COPY has had, also across restarts."""
        with self._database.cursor() as connection:
            row = connection.execute(f"SELECT nextval('{self._schema}.query_ids')").fetchone()
        return int(row[0]) if row else 0

    def read(self, name: str) -> pa.Table:
        """Every row of one of the relations of `history_queries`."""
        with self._database.cursor() as connection:
            return connection.sql(HISTORY_QUERIES[name].format(schema=self._schema)).to_arrow_table()

    def add_errors(self, context: CopyContext, errors: Sequence[LoadError]) -> None:
        """Rows of stl_load_errors, durable when this returns."""
        self.insert(
            "load_errors",
            [
                [
                    context.user_id, context.table.table_id, context.database, context.started, context.session_id,
                    context.transaction_id, context.query_id, error.file_name, error.line_number, error.column_name,
                    error.column_type, error.column_length, error.position, error.raw_line[:1024],
                    error.raw_field_value[:1024], error.error_code, error.error_message,
                ]
                for error in errors
            ],
        )  # fmt: skip

    def add_files(self, context: CopyContext, files: Sequence[FileLoad]) -> None:
        """Rows of stl_load_commits."""
        self.insert(
            "load_files",
            [
                [
                    context.user_id, context.table.table_id, context.table.name, context.database,
                    context.session_id, context.transaction_id, context.query_id, file.file_name,
                    _naive_utc(file.loaded_at), file.lines_scanned, file.bytes_scanned, file.errors,
                    context.started,
                ]
                for file in files
            ],
        )  # fmt: skip

    def add_load(self, context: CopyContext, source_url: str, outcome: CopyOutcome | None) -> None:
        """The row of sys_load_history; None for a COPY that failed while it loaded."""
        status = "aborted" if outcome is None else "completed"
        counts = (outcome.files, outcome.rows, outcome.errors) if outcome is not None else (None, 0, None)
        self.insert(
            "loads",
            [
                [
                    context.user_id, context.query_id, context.transaction_id, context.session_id, context.database,
                    context.table.name, status, context.started, utc_now(), source_url, *counts,
                ]
            ],
        )  # fmt: skip

    def insert(self, table: str, rows: Sequence[Sequence[object]]) -> None:
        """Adds rows to a table of history, durable when this returns."""
        if not rows:
            return
        columns = zip(*rows, strict=True)
        batch = pa.table({f"c{index}": pa.array(column) for index, column in enumerate(columns)})
        with self._database.cursor() as connection:
            connection.register("rs_rows", batch)
            connection.execute(f"INSERT INTO {self._schema}.{table} SELECT * FROM rs_rows")


def _naive_utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


def utc_now() -> datetime:
    """Now, as TIMESTAMP columns keep it."""
    return datetime.now(UTC).replace(tzinfo=None)
