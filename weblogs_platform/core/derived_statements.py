"""The parametric statements that refresh a derived table; what it is computed by is `sql/kpis/<name>.sql`.

Identifiers come from the declaration, which checks them; values are named parameters: `:period_start` and
`:period_end` bound the periods of one refresh, [start, end), as TIMESTAMP texts.
"""

from __future__ import annotations

from dataclasses import dataclass

from weblogs_platform.core.derived import DerivedTable
from weblogs_platform.core.statements import insert_lines, quoted


@dataclass(frozen=True)
class LockRefreshes:
    """Makes every refresh wait for its turn. It is the first statement, so that what follows sees a fresh state."""

    def sql(self) -> str:
        return "LOCK shopware_ops.refresh_lock"


@dataclass(frozen=True)
class SourceChanges:
    """Last change of each source per period that has one: period, source, change_no."""

    table: DerivedTable

    def sql(self) -> str:
        return (
            f"SELECT DATE_TRUNC('{self.table.grain}', event_hour), source_table, MAX(change_no) "
            f"FROM shopware_ops.changed_hours WHERE source_table IN ({_sources(self.table)}) "
            f"AND {_between('event_hour', 'TIMESTAMP')} GROUP BY 1, 2"
        )


@dataclass(frozen=True)
class PeriodFigures:
    """Rows per period that has any, and its headline values in the order of the declaration: period, rows, values."""

    table: DerivedTable

    def sql(self) -> str:
        headlines = "".join(f", {_headline(c.headline, c.name)}" for c in self.table.headlines)
        return (
            f"SELECT {period_start(self.table)}, COUNT(*){headlines} FROM {self.table.qualified} "
            f"WHERE {in_periods(self.table)} GROUP BY 1"
        )


@dataclass(frozen=True)
class DeletePeriods:
    """Removes the rows of the periods."""

    table: DerivedTable

    def sql(self) -> str:
        return f"DELETE FROM {self.table.qualified} WHERE {in_periods(self.table)}"


@dataclass(frozen=True)
class MovedRows:
    """Rows of other periods whose keys now stand in the refreshed ones, per period: period, rows."""

    table: DerivedTable

    def sql(self) -> str:
        return (
            f"SELECT {period_start(self.table)}, COUNT(*) FROM {self.table.qualified} "
            f"WHERE {_is_moved(self.table)} GROUP BY 1"
        )


@dataclass(frozen=True)
class DeleteMovedRows:
    """Removes them: a key has one row."""

    table: DerivedTable

    def sql(self) -> str:
        return f"DELETE FROM {self.table.qualified} WHERE {_is_moved(self.table)}"


REFRESH_COLUMNS = ("table_name", "period_start", "source_table", "change_no", "row_count", "run_id")
CHANGE_COLUMNS = ("source_table", "event_hour", "change_no", "changed_rows", "run_id")


@dataclass(frozen=True)
class RecordRefreshes:
    """Writes `rows` lines of the history; positional parameters (`%s`) in the order of REFRESH_COLUMNS."""

    rows: int

    def sql(self) -> str:
        return insert_lines("shopware_ops.refresh_history", REFRESH_COLUMNS, self.rows)


@dataclass(frozen=True)
class RecordChanges:
    """Writes `rows` changed periods; positional parameters (`%s`) in the order of CHANGE_COLUMNS."""

    rows: int

    def sql(self) -> str:
        return insert_lines("shopware_ops.changed_hours", CHANGE_COLUMNS, self.rows)


@dataclass(frozen=True)
class StalePeriods:
    """Periods with a source whose last change the table has not seen, in order."""

    table: DerivedTable

    def sql(self) -> str:
        return (
            f"SELECT changed.period FROM (SELECT DATE_TRUNC('{self.table.grain}', event_hour) AS period, "
            "source_table, MAX(change_no) AS change_no FROM shopware_ops.changed_hours "
            f"WHERE source_table IN ({_sources(self.table)}) AND {_between('event_hour', 'TIMESTAMP')} "
            "GROUP BY 1, 2) AS changed LEFT JOIN (SELECT period_start, source_table, MAX(change_no) AS change_no "
            f"FROM shopware_ops.refresh_history WHERE table_name = {quoted(self.table.qualified)} "
            f"AND {_between('period_start', 'TIMESTAMP')} GROUP BY 1, 2) AS seen "
            "ON seen.period_start = changed.period AND seen.source_table = changed.source_table "
            "WHERE seen.change_no IS NULL OR seen.change_no < changed.change_no GROUP BY 1 ORDER BY 1"
        )


def _sources(table: DerivedTable) -> str:
    return ", ".join(quoted(source) for source in table.sources)


def period_start(table: DerivedTable) -> str:
    """The start of the period that a row belongs to."""
    return f"DATE_TRUNC('{table.grain}', CAST({table.period_column} AS TIMESTAMP))"


def in_periods(table: DerivedTable, of: str = "") -> str:
    """Whether a row (of the alias `of`, with its dot) belongs to the periods."""
    # In the column's own type, so that the sort key is used.
    [declared] = [c.type for c in table.columns if c.name == table.period_column]
    return _between(f"{of}{table.period_column}", declared)


def _between(column: str, declared: str) -> str:
    return f"{column} >= {_bound('period_start', declared)} AND {column} < {_bound('period_end', declared)}"


def _bound(name: str, declared: str) -> str:
    moment = f"CAST(:{name} AS TIMESTAMP)"
    return moment if declared == "TIMESTAMP" else f"CAST({moment} AS {declared})"


def _is_moved(table: DerivedTable) -> str:
    same = " AND ".join(f"fresh.{name} = {table.qualified}.{name}" for name in table.key)
    fresh = f"SELECT 1 FROM {table.qualified} AS fresh WHERE {same} AND {in_periods(table, 'fresh.')}"
    return f"NOT ({in_periods(table)}) AND EXISTS ({fresh})"


def _headline(how: str | None, column: str) -> str:
    return f"SUM({column})" if how == "sum" else f"AVG(CAST({column} AS DOUBLE PRECISION))"
