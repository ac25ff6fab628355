"""The statements by which a derived table is examined after a refresh, as frozen values.

All take the named parameters :period_start and :period_end and answer by period. What a table must agree with is
a file, `sql/checks/<name>.sql`.
"""

from __future__ import annotations

from dataclasses import dataclass

from weblogs_platform.core.derived import DerivedTable
from weblogs_platform.core.derived_statements import in_periods, period_start


@dataclass(frozen=True)
class PeriodCounts:
    """By period: start, rows, volume, then the nulls of every column that must have none (`filled_columns`)."""

    table: DerivedTable

    def sql(self) -> str:
        nulls = "".join(
            f", SUM(CASE WHEN {name} IS NULL THEN 1 ELSE 0 END)" for name in filled_columns(self.table)
        )
        return (
            f"SELECT {period_start(self.table)}, COUNT(*), {_volume(self.table)}{nulls} "
            f"FROM {self.table.qualified} WHERE {in_periods(self.table)} GROUP BY 1"
        )


@dataclass(frozen=True)
class RepeatedKeys:
    """By period: start, rows whose key another row has too, in whatever period that stands."""

    table: DerivedTable

    def sql(self) -> str:
        table, key = self.table, ", ".join(self.table.key)
        scope = in_periods(table)
        if table.period_column not in table.key:
            # Such a key has one column; its other rows may stand in any period.
            scope = f"{key} IN (SELECT {key} FROM {table.qualified} WHERE {scope})"
        counted = (
            f"SELECT {table.period_column}, COUNT(*) OVER (PARTITION BY {key}) AS copies "
            f"FROM {table.qualified} WHERE {scope}"
        )
        return (
            f"SELECT {period_start(table)}, COUNT(*) FROM ({counted}) AS counted "
            f"WHERE copies > 1 AND {in_periods(table)} GROUP BY 1"
        )


def filled_columns(table: DerivedTable) -> tuple[str, ...]:
    """The columns that hold a value in every row."""
    return tuple(c.name for c in table.columns if not c.nullable)


def volume_name(table: DerivedTable) -> str:
    """What says how much happened in a period: the first figure that adds up, else the number of rows."""
    return next((c.name for c in table.headlines if c.headline == "sum"), "rows")


def _volume(table: DerivedTable) -> str:
    name = volume_name(table)
    return "COUNT(*)" if name == "rows" else f"SUM({name})"
