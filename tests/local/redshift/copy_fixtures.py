"""A session for the COPY engine's tests: a real DuckDB database, the real embedded S3, the COPY role's credentials.

It keeps what the engine reports, so that tests can look at it. Each test gets its own database and key prefix.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb
import pytest

from weblogs_platform.local.endpoints import Endpoints
from weblogs_platform.local.redshift.contract import (
    ColumnInfo,
    CopyOutcome,
    FileLoad,
    LoadError,
    RedshiftError,
    S3Credentials,
    TableInfo,
)
from weblogs_platform.local.redshift.copy import parse_copy, run_copy

ROLE = "arn:aws:iam::000000000000:role/weblogs-copy"


@dataclass
class DuckDBSession:
    """The contract's CopySession over one DuckDB database in memory."""

    database: duckdb.DuckDBPyConnection
    credentials: S3Credentials
    s3_endpoint: str | None
    s3_region: str
    tables: dict[str, TableInfo] = field(default_factory=dict)
    errors: list[LoadError] = field(default_factory=list)
    files: list[FileLoad] = field(default_factory=list)
    began: int = 0
    cancel_after: int | None = None

    @property
    def connection(self) -> duckdb.DuckDBPyConnection:
        return self.database

    def side_connection(self) -> duckdb.DuckDBPyConnection:
        return self.database.cursor()

    def resolve_table(self, schema: str | None, name: str) -> TableInfo:
        if name not in self.tables:
            raise RedshiftError("42P01", f'relation "{name}" does not exist')
        return self.tables[name]

    def lock_for_write(self, table: TableInfo) -> None:
        pass

    def credentials_for_role(self, role_arn: str) -> S3Credentials:
        if role_arn not in (ROLE, "default"):
            raise RedshiftError("42501", f"role {role_arn} is not known")
        return self.credentials

    def check_cancelled(self) -> None:
        if self.cancel_after is not None:
            self.cancel_after -= 1
            if self.cancel_after < 0:
                raise RedshiftError("57014", "canceling statement due to user request")

    def loading_began(self) -> None:
        self.began += 1

    def record_errors(self, errors: Sequence[LoadError]) -> None:
        self.errors.extend(errors)

    def record_files(self, files: Sequence[FileLoad]) -> None:
        self.files.extend(files)


@dataclass
class CopyBench:
    """Puts objects, makes tables, runs COPY and rolls back when it fails."""

    stack: Endpoints
    session: DuckDBSession
    prefix: str

    def put(self, name: str, body: bytes | str) -> str:
        """Writes an object under this test's prefix; its URL."""
        content = body.encode("utf-8") if isinstance(body, str) else body
        self.stack.s3("admin").put_object(Bucket=self.stack.bucket, Key=self.prefix + name, Body=content)
        return self.url(name)

    def url(self, name: str = "") -> str:
        return f"s3://{self.stack.bucket}/{self.prefix}{name}"

    def table(self, name: str, columns: Sequence[ColumnInfo], ddl: str) -> None:
        """Creates a table: `ddl` for DuckDB, `columns` as Redshift declares them."""
        self.session.database.execute(f"CREATE TABLE {name} ({ddl})")
        self.session.tables[name] = TableInfo("public", name, 100, f'"{name}"', tuple(columns))

    def copy(self, table: str, name: str = "", options: str = "FORMAT JSON 'auto'") -> CopyOutcome:
        """COPY from this test's prefix (plus `name`), in a transaction of its own."""
        return self.run(f"COPY {table} FROM '{self.url(name)}' IAM_ROLE '{ROLE}' {options}")

    def run(self, sql: str) -> CopyOutcome:
        self.session.database.execute("BEGIN")
        try:
            outcome = run_copy(parse_copy(sql), self.session)
        except BaseException:
            self.session.database.execute("ROLLBACK")
            raise
        self.session.database.execute("COMMIT")
        return outcome

    def rows(self, table: str, what: str = "*") -> list[Any]:
        return self.session.database.execute(f"SELECT {what} FROM {table}").fetchall()


@pytest.fixture
def bench(stack: Endpoints) -> Iterator[CopyBench]:
    database = duckdb.connect(":memory:", config={"threads": 2, "python_enable_replacements": False})
    database.execute("SET TimeZone = 'UTC'")
    keys = stack.keys["copy"]
    credentials = S3Credentials(keys.access_key, keys.secret_key)
    session = DuckDBSession(database, credentials, stack.s3_url, stack.region)
    yield CopyBench(stack, session, f"validated/copy-tests/{uuid.uuid4().hex}/")
    database.close()
