"""The lakehouse copy of a stream: its columns, its partitions, and the statements that read and compare an hour.

The state of an hour is how many entries its ledger and receipts have had: each line that was written counts one, and
one more when it was superseded. Both only ever grow, within the transaction that changes the stream table, so that a
higher state is a later one, and equal states are equal rows.

A row's text is the same in Redshift's SQL and in DuckDB's, so that both sides can hash it. Binary fractions, which the
two spell differently, stand in it to the millionth, as far as they are below 10^12; their bounds are compared exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from weblogs_platform.core.partitions import LandingHour
from weblogs_platform.core.spec import ColumnType, Double, StreamSpec, Timestamp, Varchar

PREFIX = "lakehouse"
"""The S3 prefix of all copies: `lakehouse/<stream>/`."""

PARTITIONED_BY = ("landing_date", "landing_hour_of_day")
"""The partition columns: the landing hour's day, a DATE, and its hour, a text from 00 to 23. Both UTC."""

MANIFESTS = "_symlink_format_manifest"
"""The folder below a copy that holds a manifest for each hour, which names its files for Spectrum."""

Engine = Literal["redshift", "duckdb"]


@dataclass(frozen=True)
class CopiedColumn:
    """A column of the copy, as the stream table declares it."""

    name: str
    type: ColumnType


def copied_columns(spec: StreamSpec) -> tuple[CopiedColumn, ...]:
    """All columns of the stream table, in its order."""
    declared = [CopiedColumn(f.column, f.type) for f in spec.fields]
    return (*declared, CopiedColumn("landing_hour", Timestamp()), CopiedColumn("event_at", Timestamp()))


def copy_name(spec: StreamSpec) -> str:
    """What `shopware_ops.refresh_history` calls the copy."""
    return f"{PREFIX}.{spec.name}"


def transaction_id(spec: StreamSpec, hour: LandingHour) -> str:
    """The application id of the Delta transactions that write the hour; their version is the hour's state."""
    return f"{spec.name}/{hour.path}"


def partition_predicate(hour: LandingHour) -> str:
    """The rows of the hour, in Delta's SQL."""
    return f"landing_date = '{hour.start:%Y-%m-%d}' AND landing_hour_of_day = '{hour.start:%H}'"


def partition_folder(hour: LandingHour) -> str:
    """The hour's folder below the copy, in the spelling that Hive, Delta and Spectrum share."""
    return f"landing_date={hour.start:%Y-%m-%d}/landing_hour_of_day={hour.start:%H}"


@dataclass(frozen=True)
class HourStates:
    """State of each landing hour in [first, end) that ever had one, and the state that its copy is known to have (0:
    none), in order. Parameters: stream, first, end, stream, first, end, name of the copy, first, end."""

    def sql(self) -> str:
        within = "landing_hour >= CAST(%s AS TIMESTAMP) AND landing_hour < CAST(%s AS TIMESTAMP)"
        entries = " UNION ALL ".join(
            f"SELECT landing_hour, COUNT(*) + COUNT(superseded_at) AS entries FROM shopware_ops.{table} "
            f"WHERE stream = %s AND {within} GROUP BY 1"
            for table in ("load_history", "quarantine_receipts")
        )
        return (
            "SELECT written.landing_hour, written.state, COALESCE(copied.state, 0) FROM "
            f"(SELECT landing_hour, SUM(entries) AS state FROM ({entries}) AS entries GROUP BY 1) AS written "
            "LEFT JOIN (SELECT period_start, MAX(change_no) AS state FROM shopware_ops.refresh_history "
            "WHERE table_name = %s AND period_start >= CAST(%s AS TIMESTAMP) "
            "AND period_start < CAST(%s AS TIMESTAMP) GROUP BY 1) AS copied "
            "ON copied.period_start = written.landing_hour ORDER BY 1"
        )


@dataclass(frozen=True)
class ReadSlice:
    """One of `slices` parts of an hour's rows, which equal rows share. Parameters: hour, slice (from 0)."""

    spec: StreamSpec
    slices: int

    def sql(self) -> str:
        columns = copied_columns(self.spec)
        names = ", ".join(c.name for c in columns)
        digits = f"CAST(STRTOL(SUBSTRING(MD5({row_text(columns, 'redshift')}), 1, 8), 16) AS BIGINT)"
        return (
            f"SELECT {names} FROM {self.spec.qualified_table} WHERE landing_hour = CAST(%s AS TIMESTAMP) "
            f"AND MOD({digits}, {self.slices}) = %s"
        )


@dataclass(frozen=True)
class HourDigest:
    """What the stream table and the copy must agree in: rows, two sums over the rows' hashes, then the lowest and
    highest value of each DOUBLE PRECISION column. Parameter for Redshift: the hour."""

    spec: StreamSpec

    def sql(self) -> str:
        source = f"{self.spec.qualified_table} WHERE landing_hour = CAST(%s AS TIMESTAMP)"
        return self._over(source, "redshift")

    def duckdb(self, relation: str) -> str:
        """The same for DuckDB, over the copy's rows of the hour."""
        return self._over(relation, "duckdb")

    def _over(self, source: str, engine: Engine) -> str:
        columns = copied_columns(self.spec)
        hashed = f"MD5({row_text(columns, engine)})"
        sums = [f"COALESCE(SUM({_number(hashed, first, engine)}), 0)" for first in (1, 9)]
        doubles = [
            f"{aggregate}({c.name})"
            for c in columns
            if isinstance(c.type, Double)
            for aggregate in ("MIN", "MAX")
        ]
        return f"SELECT COUNT(*), {', '.join([*sums, *doubles])} FROM {source}"


def row_text(columns: Sequence[CopiedColumn], engine: Engine) -> str:
    """An expression: the row as one text, in which no two different rows are alike, large or tiny doubles aside."""
    return " || '|' || ".join(_value_text(c, engine) for c in columns)


def _value_text(column: CopiedColumn, engine: Engine) -> str:
    name = column.name
    if isinstance(column.type, Varchar):
        length = "LEN" if engine == "redshift" else "LENGTH"
        return f"COALESCE(CAST({length}({name}) AS VARCHAR) || ':' || {name}, 'null')"
    if isinstance(column.type, Timestamp):
        if engine == "duckdb":  # its moments with a time zone are spelled in the session's
            moment = f"MAKE_TIMESTAMP(EPOCH_US({name}))"
            return f"COALESCE(STRFTIME({moment}, '%Y-%m-%d %H:%M:%S.%f'), 'null')"
        return f"COALESCE(TO_CHAR({name}, 'YYYY-MM-DD HH24:MI:SS.US'), 'null')"
    if isinstance(column.type, Double):
        # Both compute this by IEEE 754: the same product, the same whole number.
        millionths = f"CAST(CAST(FLOOR({name} * 1000000) AS BIGINT) AS VARCHAR)"
        return (
            f"CASE WHEN {name} IS NULL THEN 'null' WHEN ABS({name}) < 1e12 THEN {millionths} ELSE 'large' END"
        )
    return f"COALESCE(CAST({name} AS VARCHAR), 'null')"


def _number(hashed: str, first: int, engine: Engine) -> str:
    """Eight hexadecimal digits of a hash as a number."""
    digits = f"SUBSTRING({hashed}, {first}, 8)"
    if engine == "duckdb":
        return f"CAST('0x' || {digits} AS BIGINT)"
    return f"CAST(STRTOL({digits}, 16) AS BIGINT)"
