"""What the SQL session and the COPY engine of the embedded Redshift agree on.

The session (wire protocol, dialect, transactions, locks, catalog) owns the DuckDB connection of the client's
transaction; the COPY engine reads objects and puts rows into a table through that connection. Neither imports
the other's internals: both import this module.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import duckdb


class RedshiftError(Exception):
    """An error that goes to the client as it stands: SQLSTATE, message, and optionally detail and hint."""

    def __init__(
        self, sqlstate: str, message: str, *, detail: str | None = None, hint: str | None = None
    ) -> None:
        super().__init__(message)
        self.sqlstate = sqlstate
        self.message = message
        self.detail = detail
        self.hint = hint


@dataclass(frozen=True)
class ColumnInfo:
    """One column as declared: `type_name` is Redshift's (`character varying`, `integer`, `timestamp without
    time zone`, `double precision`, `numeric`, ...); `length` in bytes for character types, else None."""

    name: str
    type_name: str
    length: int | None = None
    precision: int | None = None
    scale: int | None = None
    not_null: bool = False
    default_sql: str | None = None  # DuckDB SQL of the DEFAULT expression
    is_identity: bool = False


@dataclass(frozen=True)
class TableInfo:
    """A table that COPY may write: `duckdb_name` is quoted and qualified, ready for SQL."""

    schema: str
    name: str
    table_id: int
    duckdb_name: str
    columns: Sequence[ColumnInfo]


@dataclass(frozen=True)
class LoadError:
    """One row of stl_load_errors / sys_load_error_detail (their shared content)."""

    file_name: str
    line_number: int
    column_name: str
    column_type: str
    column_length: str
    position: int
    raw_line: str  # at most 1,024 characters
    raw_field_value: str  # at most 1,024 characters
    error_code: int
    error_message: str


@dataclass(frozen=True)
class FileLoad:
    """One row of stl_load_commits: a file that COPY read completely."""

    file_name: str
    lines_scanned: int
    bytes_scanned: int
    errors: int
    loaded_at: datetime


@dataclass(frozen=True)
class S3Credentials:
    """Keys that COPY uses to read; `session_token` only for temporary ones."""

    access_key: str
    secret_key: str
    session_token: str | None = None


@dataclass(frozen=True)
class CopyOutcome:
    """What COPY did: rows put into the table (0 under NOLOAD)."""

    rows: int
    files: int
    errors: int


class CopySession(Protocol):
    """What the COPY engine may ask of the session that runs it."""

    @property
    def connection(self) -> duckdb.DuckDBPyConnection:
        """The client's connection, inside its transaction. A statement that fails here aborts it: the engine
        checks the files elsewhere first and inserts only what cannot fail."""
        ...

    def side_connection(self) -> duckdb.DuckDBPyConnection:
        """A connection outside the transaction, for parsing and checking; the caller closes it."""
        ...

    def resolve_table(self, schema: str | None, name: str) -> TableInfo:
        """The target as the search path finds it. Raises RedshiftError 42P01 (no such table) or 42501."""
        ...

    def lock_for_write(self, table: TableInfo) -> None:
        """Waits for the table's write lock, held to the end of the transaction."""
        ...

    def credentials_for_role(self, role_arn: str) -> S3Credentials:
        """Credentials of an IAM role (`default` for the cluster's own). Raises RedshiftError for unknown ones."""
        ...

    @property
    def s3_endpoint(self) -> str | None:
        """Endpoint URL of the S3 server; None means AWS."""
        ...

    @property
    def s3_region(self) -> str:
        """The cluster's region, used when COPY names none."""
        ...

    def check_cancelled(self) -> None:
        """Raises RedshiftError 57014 when the client asked to cancel; called between chunks."""
        ...

    def loading_began(self) -> None:
        """Sets pg_last_copy_id() for this session: called once access and syntax were fine and reading begins."""
        ...

    def record_errors(self, errors: Sequence[LoadError]) -> None:
        """Writes load errors where they outlive a rollback."""
        ...

    def record_files(self, files: Sequence[FileLoad]) -> None:
        """Writes stl_load_commits rows of this COPY."""
        ...
