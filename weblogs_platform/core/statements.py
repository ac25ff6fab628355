"""The parametric statements of the platform, as frozen values. Static ones are files under `sql/`.

Identifiers come from specs, which check them; every other value is a bound parameter or quoted here. `.sql()`
is for the warehouse alone; what may be logged is `.redacted()`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from weblogs_platform.core.spec import Double, Field, StreamSpec, Timestamp

STAGING = "staging"
"""The temporary table that COPY fills; it lives and dies with the connection."""


def quoted(text: str) -> str:
    """A string literal of Redshift."""
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


@dataclass(frozen=True)
class LockLoads:
    """Makes every load wait for its turn. It is the first statement, so that what follows sees a fresh state."""

    def sql(self) -> str:
        return "LOCK shopware_ops.load_lock"


@dataclass(frozen=True)
class CreateStaging:
    """A temporary table whose columns COPY can fill from JSON with one set of options."""

    spec: StreamSpec

    def sql(self) -> str:
        columns = ", ".join(f"{f.column} {_staging_type(f)}" for f in self.spec.fields)
        return f"CREATE TEMP TABLE {STAGING} ({columns})"


@dataclass(frozen=True)
class DropStaging:
    """Ends the staging table, so that the next manifest of the transaction has its own."""

    def sql(self) -> str:
        return f"DROP TABLE {STAGING}"


_COPY_KEYWORD = {"plain": "", "gzip": " GZIP", "zstd": " ZSTD"}


@dataclass(frozen=True)
class Copy:
    """COPY of one manifest into the staging table."""

    spec: StreamSpec
    manifest_url: str
    jsonpaths_url: str
    role_arn: str
    region: str
    compression: str = "plain"

    def sql(self) -> str:
        return self._with_role(self.role_arn)

    def redacted(self) -> str:
        """The statement without the account's role, for logs and metadata."""
        return self._with_role("***")

    def _with_role(self, role: str) -> str:
        columns = ", ".join(f.column for f in self.spec.fields)
        return (
            f"COPY {STAGING} ({columns}) FROM {quoted(self.manifest_url)} IAM_ROLE {quoted(role)} MANIFEST "
            f"FORMAT AS JSON {quoted(self.jsonpaths_url)} TIMEFORMAT 'auto' TRUNCATECOLUMNS MAXERROR 0 "
            f"REGION {quoted(self.region)} COMPUPDATE OFF STATUPDATE OFF{_COPY_KEYWORD[self.compression]}"
        )


@dataclass(frozen=True)
class InsertFromStaging:
    """Moves the staged rows into the stream table with their landing hour. Parameter: the hour."""

    spec: StreamSpec

    def sql(self) -> str:
        columns = ", ".join(f.column for f in self.spec.fields)
        values = ", ".join(_from_staging(f) for f in self.spec.fields)
        return (
            f"INSERT INTO {self.spec.qualified_table} ({columns}, landing_hour) "
            f"SELECT {values}, CAST(%s AS TIMESTAMP) FROM {STAGING}"
        )


@dataclass(frozen=True)
class DeleteHour:
    """Removes the rows of one landing hour. Parameter: the hour."""

    spec: StreamSpec

    def sql(self) -> str:
        return f"DELETE FROM {self.spec.qualified_table} WHERE landing_hour = CAST(%s AS TIMESTAMP)"


@dataclass(frozen=True)
class CountHour:
    """Rows of one landing hour in the stream table. Parameter: the hour."""

    spec: StreamSpec

    def sql(self) -> str:
        return f"SELECT COUNT(*) FROM {self.spec.qualified_table} WHERE landing_hour = CAST(%s AS TIMESTAMP)"


@dataclass(frozen=True)
class LoadedBetween:
    """Current rows of the ledger, `landing_hour` in [first, end). Parameters: stream, first, end."""

    def sql(self) -> str:
        return (
            "SELECT landing_hour, object_key, etag, rules, records, loaded, quarantined, duplicates_dropped "
            "FROM shopware_ops.load_history "
            "WHERE stream = %s AND landing_hour >= CAST(%s AS TIMESTAMP) AND landing_hour < CAST(%s AS TIMESTAMP) "
            "AND superseded_at IS NULL ORDER BY landing_hour, object_key"
        )


@dataclass(frozen=True)
class SupersedeHour:
    """Marks the ledger's rows of an hour as replaced; they are never deleted. Parameters: stream, hour."""

    def sql(self) -> str:
        return (
            "UPDATE shopware_ops.load_history SET superseded_at = GETDATE() "
            "WHERE stream = %s AND landing_hour = CAST(%s AS TIMESTAMP) AND superseded_at IS NULL"
        )


LEDGER_COLUMNS = (
    "stream", "landing_hour", "object_key", "etag", "size_bytes", "records", "loaded", "quarantined",
    "duplicates_dropped", "truncated_values", "rules", "load_key", "invalid_key", "manifest_key", "run_id",
)  # fmt: skip


@dataclass(frozen=True)
class RecordLoads:
    """Writes `rows` lines of the ledger in one statement; parameters in the order of LEDGER_COLUMNS, row by row."""

    rows: int

    def sql(self) -> str:
        line = (
            "("
            + ", ".join("CAST(%s AS TIMESTAMP)" if c == "landing_hour" else "%s" for c in LEDGER_COLUMNS)
            + ")"
        )
        return f"INSERT INTO shopware_ops.load_history ({', '.join(LEDGER_COLUMNS)}) VALUES " + ", ".join(
            [line] * self.rows
        )


def flattened(rows: Sequence[Sequence[object]]) -> list[object]:
    """Parameters of several lines as one list."""
    return [value for row in rows for value in row]


def _staging_type(f: Field) -> str:
    if isinstance(f.type, Timestamp) and f.type.source == "epoch_secs":
        return Double().ddl
    return f.type.ddl


def _from_staging(f: Field) -> str:
    value = f.column
    if isinstance(f.type, Timestamp) and f.type.source == "epoch_secs":
        value = f"TIMESTAMP 'epoch' + {f.column} * INTERVAL '1 second'"
    return f"COALESCE({value}, {f.default_sql})" if f.default_sql else value
