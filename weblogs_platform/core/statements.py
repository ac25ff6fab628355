"""The parametric statements of the platform, as frozen values. Static ones are files under `sql/`.

Identifiers come from specs, which check them; every other value is a bound parameter or quoted here. `.sql()`
is for the warehouse alone; what may be logged is `.redacted()`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from weblogs_platform.core.spec import MAX_PRECISION, Decimal, Double, Field, StreamSpec, Timestamp, Varchar
from weblogs_platform.core.validation import MAX_EPOCH_SECS

STAGING = "staging"
"""The temporary table that COPY fills; it lives and dies with the connection."""


def quoted(text: str) -> str:
    """A string literal of Redshift."""
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def quoted_name(name: str) -> str:
    """A name of Redshift in quotes: IAM's users have a colon."""
    return '"' + name.replace('"', '""') + '"'


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
        columns = ", ".join(f"{f.column} {staging_type(f)}" for f in self.spec.fields)
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
class ProbeCopy:
    """COPY as loads do it, by a manifest and a jsonpaths file, that loads nothing, into a temporary table
    `doctor_copy`."""

    manifest_url: str
    jsonpaths_url: str
    role_arn: str
    region: str

    def sql(self) -> str:
        return (
            f"COPY doctor_copy FROM {quoted(self.manifest_url)} IAM_ROLE {quoted(self.role_arn)} MANIFEST "
            f"FORMAT AS JSON {quoted(self.jsonpaths_url)} REGION {quoted(self.region)} NOLOAD"
        )


@dataclass(frozen=True)
class InsertFromStaging:
    """Moves the staged rows into the stream table with their landing hour and event time. Parameters: the hour,
    twice."""

    spec: StreamSpec

    def sql(self) -> str:
        columns = ", ".join(f.column for f in self.spec.fields)
        values = ", ".join(staged_value(f) for f in self.spec.fields)
        return (
            f"INSERT INTO {self.spec.qualified_table} ({columns}, landing_hour, event_at) "
            f"SELECT {values}, CAST(%s AS TIMESTAMP), {_event_at(self.spec)} FROM {STAGING}"
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
    """Current rows of the ledger, `landing_hour` in [first, end), each with how many of its quarantined records were
    replayed and discarded. Parameters: stream, first, end."""

    def sql(self) -> str:
        return (
            "SELECT l.landing_hour, l.object_key, l.etag, l.rules, l.records, l.loaded, l.quarantined, "
            "l.duplicates_dropped, COUNT(CASE WHEN r.outcome = 'replayed' THEN 1 END), "
            "COUNT(CASE WHEN r.outcome = 'discarded' THEN 1 END), n.etag "
            "FROM shopware_ops.load_history AS l LEFT JOIN shopware_ops.quarantine_receipts AS r "
            "ON r.stream = l.stream AND r.landing_hour = l.landing_hour AND r.object_key = l.object_key "
            "AND r.etag = l.etag AND r.superseded_at IS NULL "
            "LEFT JOIN shopware_ops.rewritten_objects AS n "
            "ON n.stream = l.stream AND n.landing_hour = l.landing_hour AND n.object_key = l.object_key "
            "WHERE l.stream = %s AND l.landing_hour >= CAST(%s AS TIMESTAMP) "
            "AND l.landing_hour < CAST(%s AS TIMESTAMP) AND l.superseded_at IS NULL "
            "GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 11 ORDER BY 1, 2"
        )


@dataclass(frozen=True)
class ForgetRewritten:
    """Removes the note about a version that was left out. Parameters: stream, hour, key."""

    def sql(self) -> str:
        return (
            "DELETE FROM shopware_ops.rewritten_objects "
            "WHERE stream = %s AND landing_hour = CAST(%s AS TIMESTAMP) AND object_key = %s"
        )


@dataclass(frozen=True)
class NoteRewritten:
    """Notes a version that is left out; the note before goes first. Parameters: stream, hour, key, ETag, run."""

    def sql(self) -> str:
        return (
            "INSERT INTO shopware_ops.rewritten_objects (stream, landing_hour, object_key, etag, run_id) "
            "VALUES (%s, CAST(%s AS TIMESTAMP), %s, %s, %s)"
        )


@dataclass(frozen=True)
class SupersedeHour:
    """Marks the ledger's rows of an hour as replaced; they are never deleted. Parameters: stream, hour."""

    def sql(self) -> str:
        return (
            "UPDATE shopware_ops.load_history SET superseded_at = GETDATE() "
            "WHERE stream = %s AND landing_hour = CAST(%s AS TIMESTAMP) AND superseded_at IS NULL"
        )


@dataclass(frozen=True)
class NextChange:
    """The number of the next change of a table. Parameter: the table. Under the lock of the table's changes."""

    def sql(self) -> str:
        return (
            "SELECT COALESCE(MAX(change_no), 0) + 1 FROM shopware_ops.changed_hours WHERE source_table = %s"
        )


@dataclass(frozen=True)
class RecordStagedHours:
    """Records the event hours of the staged rows, and of the table's rows of the same entities, as changed.

    Parameters: number of the change, run, landing hour. It comes before the rows are inserted.
    """

    spec: StreamSpec

    def sql(self) -> str:
        staged = f"SELECT {_event_at(self.spec)} AS event_at, 1 AS changed_rows FROM {STAGING}"
        return _record_changes(self.spec, staged, f"SELECT {self.spec.entity} FROM {STAGING}")


@dataclass(frozen=True)
class RecordDeletedHours:
    """The same for the rows of a landing hour that are about to be deleted.

    Parameters: number of the change, run, landing hour, and the hour again where the spec has an entity.
    """

    spec: StreamSpec

    def sql(self) -> str:
        rows = f"FROM {self.spec.qualified_table} WHERE landing_hour = CAST(%s AS TIMESTAMP)"
        return _record_changes(
            self.spec, f"SELECT event_at, 1 AS changed_rows {rows}", f"SELECT {self.spec.entity} {rows}"
        )


@dataclass(frozen=True)
class ChangedHours:
    """Event hours of one change with the rows that came or went. Parameters: table, number of the change."""

    def sql(self) -> str:
        return (
            "SELECT event_hour, SUM(changed_rows) FROM shopware_ops.changed_hours "
            "WHERE source_table = %s AND change_no = %s GROUP BY event_hour ORDER BY event_hour"
        )


@dataclass(frozen=True)
class LastChange:
    """Number of the last change that concerned an event hour, or 0. Parameters: table, hour."""

    def sql(self) -> str:
        return (
            "SELECT COALESCE(MAX(change_no), 0) FROM shopware_ops.changed_hours "
            "WHERE source_table = %s AND event_hour = CAST(%s AS TIMESTAMP)"
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
        return insert_lines("shopware_ops.load_history", LEDGER_COLUMNS, self.rows)


REASON_COLUMNS = ("stream", "landing_hour", "object_key", "etag", "reason", "records")


@dataclass(frozen=True)
class RecordReasons:
    """The same for why records are in quarantine, or (negative) no longer; parameters in the order of REASON_COLUMNS."""

    rows: int

    def sql(self) -> str:
        return insert_lines("shopware_ops.quarantine_reasons", REASON_COLUMNS, self.rows)


@dataclass(frozen=True)
class DeleteReasons:
    """Removes the reasons of an hour whose ledger lines are superseded. Parameters: stream, hour."""

    def sql(self) -> str:
        return (
            "DELETE FROM shopware_ops.quarantine_reasons "
            "WHERE stream = %s AND landing_hour = CAST(%s AS TIMESTAMP)"
        )


def flattened(rows: Sequence[Sequence[object]]) -> list[object]:
    """Parameters of several lines as one list."""
    return [value for row in rows for value in row]


_MOMENTS = {
    "landing_hour", "event_hour", "period_start", "first_at", "last_at", "announced_at", "well_at", "modified_at",
    "looked_at", "judged_at",
}  # fmt: skip
"""Columns of the ledgers that hold a TIMESTAMP, which is bound as text."""


def insert_lines(table: str, columns: Sequence[str], rows: int) -> str:
    """Inserts so many lines; positional parameters (`%s`) in the order of the columns, line by line."""
    line = ", ".join("CAST(%s AS TIMESTAMP)" if c in _MOMENTS else "%s" for c in columns)
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES " + ", ".join([f"({line})"] * rows)


def _record_changes(spec: StreamSpec, rows: str, entities: str) -> str:
    """`rows`: event_at and changed_rows of what comes or goes; `entities`: their entities, where there are any."""
    if spec.entity:
        # Rows that stay as they are, but belong to a session or a transaction that is now another.
        kin = f"SELECT event_at, 0 FROM {spec.qualified_table} WHERE {spec.entity} IN ({entities})"
        rows = f"{rows} UNION ALL {kin}"
    return (
        "INSERT INTO shopware_ops.changed_hours (source_table, event_hour, change_no, changed_rows, run_id) "
        f"SELECT {quoted(spec.qualified_table)}, DATE_TRUNC('hour', event_at), CAST(%s AS BIGINT), "
        f"SUM(changed_rows), CAST(%s AS VARCHAR(64)) FROM ({rows}) AS changed GROUP BY 2"
    )


def _event_at(spec: StreamSpec) -> str:
    """When the event of a staged row happened. Parameter: the landing hour, which is the last resort.

    A time before the first partition, or more than a day after the load, is that of a wrong clock: it would pull the
    session that it belongs to out of every partition. The row keeps it as it was delivered.
    """
    known = [_credible(spec, _moment(spec.field_of(column))) for column in spec.event_time]
    return f"COALESCE({', '.join([*known, 'CAST(%s AS TIMESTAMP)'])})"


def _credible(spec: StreamSpec, moment: str) -> str:
    first = f"CAST({quoted(spec.first_hour.sql)} AS TIMESTAMP)"
    return f"CASE WHEN {moment} >= {first} AND {moment} < DATEADD(day, 1, SYSDATE) THEN {moment} END"


def _moment(f: Field) -> str:
    if isinstance(f.type, Timestamp) and f.type.source == "iso":
        return f.column
    in_range = f"{f.column} > 0 AND {f.column} < {MAX_EPOCH_SECS}"
    return f"CASE WHEN {in_range} THEN {_from_epoch(f)} END"


def _from_epoch(f: Field) -> str:
    return f"TIMESTAMP 'epoch' + {f.column} * INTERVAL '1 second'"


def staging_type(f: Field) -> str:
    """The type of the staged column, which COPY can fill."""
    if isinstance(f.type, Timestamp) and f.type.source == "epoch_secs":
        return Double().ddl
    # COPY would cut the digits beyond a DECIMAL's scale; a cast of text rounds them.
    return Varchar(MAX_PRECISION).ddl if isinstance(f.type, Decimal) else f.type.ddl


def staged_value(f: Field) -> str:
    """What the stream table stores of a staged column."""
    value = f.column
    if isinstance(f.type, Timestamp) and f.type.source == "epoch_secs":
        value = _from_epoch(f)
    if isinstance(f.type, Decimal):
        value = f"CAST(NULLIF({f.column}, '') AS {f.type.ddl})"
    return f"COALESCE({value}, {f.default_sql})" if f.default_sql else value
