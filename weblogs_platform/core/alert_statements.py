"""The parametric statements about `shopware_ops.alerts`."""

from __future__ import annotations

from dataclasses import dataclass

from weblogs_platform.core.statements import insert_lines

ALERT_COLUMNS = (
    "kind", "about", "partition_key", "summary", "run_id", "times", "first_at", "last_at", "announced_at", "waiting",
    "well_at",
)  # fmt: skip


@dataclass(frozen=True)
class KnownAlerts:
    """Every open line, and those that changed after a moment, in the order of ALERT_COLUMNS. Parameter: the moment."""

    def sql(self) -> str:
        return (
            f"SELECT {', '.join(ALERT_COLUMNS)} FROM shopware_ops.alerts "
            "WHERE well_at IS NULL OR last_at > CAST(%s AS TIMESTAMP)"
        )


@dataclass(frozen=True)
class ForgetAlerts:
    """Removes `rows` lines, to write them anew; parameters kind, about, partition, line by line."""

    rows: int

    def sql(self) -> str:
        line = "(kind = %s AND about = %s AND partition_key = %s)"
        return f"DELETE FROM shopware_ops.alerts WHERE {' OR '.join([line] * self.rows)}"


@dataclass(frozen=True)
class RecordAlerts:
    """Writes `rows` lines in one statement; parameters in the order of ALERT_COLUMNS, line by line."""

    rows: int

    def sql(self) -> str:
        return insert_lines("shopware_ops.alerts", ALERT_COLUMNS, self.rows)
