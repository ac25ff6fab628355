"""The refresh of derived tables: periods are computed anew from what the sources hold, in one transaction.

A refresh notes up to which change of each source it has seen every period (`shopware_ops.refresh_history`), and that
the periods of its own table changed (`shopware_ops.changed_hours`), so that whatever is computed from it becomes
stale. It reads the changes before it reads the sources: a load that commits in between is seen too early at worst, and
the period is refreshed once more.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from weblogs_platform.clients.warehouse import Transaction, Warehouse
from weblogs_platform.core import failpoints
from weblogs_platform.core.derived import DerivedTable
from weblogs_platform.core.derived_statements import (
    DeleteMovedRows,
    DeletePeriods,
    LockRefreshes,
    MovedRows,
    PeriodFigures,
    RecordChanges,
    RecordRefreshes,
    SourceChanges,
    StalePeriods,
)
from weblogs_platform.core.errors import InvalidDocument
from weblogs_platform.core.statements import NextChange
from weblogs_platform.settings import PROJECT_ROOT


@dataclass(frozen=True)
class PeriodOutcome:
    """One period after its refresh. `headlines`: each headline column's sum or average over the period's rows, in the
    order of the declaration; None where there is nothing to sum up."""

    start: datetime
    rows: int
    headlines: Mapping[str, Decimal | float | int | None]


@dataclass(frozen=True)
class RefreshOutcome:
    """What one refresh did. `periods` are all those of its range, in order, also the empty ones; `rows_deleted` are
    those that the new rows replace, here or in the period that they moved from."""

    table: DerivedTable
    periods: tuple[PeriodOutcome, ...]
    rows_deleted: int
    seconds: float

    @property
    def rows(self) -> int:
        """Rows in all the periods together."""
        return sum(period.rows for period in self.periods)


def refresh(
    warehouse: Warehouse, table: DerivedTable, first: datetime, end: datetime, *, run_id: str
) -> RefreshOutcome:
    """Replaces the table's periods in [first, end), which are starts of its periods in UTC.

    Raises InvalidName for other bounds, InvalidDocument without the table's statement, and the client's errors, of
    which LoadConflict says that another transaction won. Then the table is as it was.
    """
    began = time.monotonic()
    periods, statement = table.periods(first, end), statement_of(table)
    with warehouse.transaction() as tx:
        tx.execute(LockRefreshes())
        failpoints.reach("refresh:locked")
        refreshing = _Refresh(tx, table, periods, _bounds(first, end), run_id)
        seen = refreshing.source_changes()
        failpoints.reach("refresh:changes_read")
        deleted = refreshing.delete()
        failpoints.reach("refresh:deleted")
        tx.execute(statement, {**refreshing.bounds, "run_id": run_id})
        failpoints.reach("refresh:inserted")
        moved = refreshing.delete_moved()
        failpoints.reach("refresh:moved_deleted")
        outcomes = refreshing.outcomes()
        refreshing.record(seen, outcomes)
        failpoints.reach("refresh:recorded")
        refreshing.record_changes(_changed_rows(deleted, moved, outcomes))
        failpoints.reach("refresh:before_commit")
    failpoints.reach("refresh:committed")
    rows_deleted = sum(deleted.values()) + sum(moved.values())
    return RefreshOutcome(table, outcomes, rows_deleted, time.monotonic() - began)


def stale_periods(
    warehouse: Warehouse, table: DerivedTable, *, first: datetime, end: datetime
) -> list[datetime]:
    """Starts of the periods in [first, end), in order, for which a source has changes that the table has not seen.

    Raises InvalidName unless the bounds are starts of periods in UTC, and the client's errors.
    """
    table.check_bounds(first, end)
    with warehouse.transaction() as tx:
        return [
            start.replace(tzinfo=UTC) for (start,) in tx.fetch_all(StalePeriods(table), _bounds(first, end))
        ]


def statement_of(table: DerivedTable, *, root: Path = PROJECT_ROOT) -> str:
    """The text of `sql/kpis/<name>.sql`. Raises InvalidDocument when there is none."""
    path = root / "sql" / "kpis" / f"{table.name}.sql"
    if not path.is_file():
        raise InvalidDocument(f"sql/kpis/{table.name}.sql is missing: each derived table needs one")
    return path.read_text(encoding="utf-8")


@dataclass(frozen=True)
class _Refresh:
    """One refresh inside its transaction."""

    tx: Transaction
    table: DerivedTable
    periods: tuple[datetime, ...]
    bounds: Mapping[str, object]
    run_id: str

    def source_changes(self) -> dict[tuple[datetime, str], int]:
        """The last change of each source, by period; none where nothing ever changed."""
        rows = self.tx.fetch_all(SourceChanges(self.table), self.bounds)
        return {(start.replace(tzinfo=UTC), source): int(number) for start, source, number in rows}

    def delete(self) -> dict[datetime, int]:
        """Removes the periods' rows; how many they were, by period."""
        figures = self._figures()
        self.tx.execute(DeletePeriods(self.table), self.bounds)
        return {start: rows for start, (rows, *_) in figures.items()}

    def delete_moved(self) -> dict[datetime, int]:
        """Removes the rows of other periods that have moved here; how many they were, by the period they left."""
        if not self.table.rows_move:
            return {}
        rows = self.tx.fetch_all(MovedRows(self.table), self.bounds)
        if rows:
            self.tx.execute(DeleteMovedRows(self.table), self.bounds)
        return {start.replace(tzinfo=UTC): int(moved) for start, moved in rows}

    def outcomes(self) -> tuple[PeriodOutcome, ...]:
        figures = self._figures()
        names = [c.name for c in self.table.headlines]
        empty = (0, *(None for _ in names))
        found = [(start, figures.get(start, empty)) for start in self.periods]
        return tuple(
            PeriodOutcome(start, rows, dict(zip(names, values, strict=True)))
            for start, (rows, *values) in found
        )

    def record(self, seen: Mapping[tuple[datetime, str], int], outcomes: Sequence[PeriodOutcome]) -> None:
        """Notes what the periods were computed from; a source that never changed has the change 0."""
        self.tx.insert_lines(
            RecordRefreshes,
            [
                (
                    self.table.qualified,
                    _text(o.start),
                    source,
                    seen.get((o.start, source), 0),
                    o.rows,
                    self.run_id,
                )
                for o in outcomes
                for source in self.table.sources
            ],
        )

    def record_changes(self, changed: Mapping[datetime, int]) -> None:
        """Notes the periods whose rows came or went, as one change of the table."""
        [(number,)] = self.tx.fetch_all(NextChange(), (self.table.qualified,))
        self.tx.insert_lines(
            RecordChanges,
            [
                (self.table.qualified, _text(start), int(number), rows, self.run_id)
                for start, rows in sorted(changed.items())
            ],
        )

    def _figures(self) -> dict[datetime, tuple[Any, ...]]:
        rows = self.tx.fetch_all(PeriodFigures(self.table), self.bounds)
        return {start.replace(tzinfo=UTC): (int(count), *values) for start, count, *values in rows}


def _changed_rows(
    deleted: Mapping[datetime, int], moved: Mapping[datetime, int], outcomes: Sequence[PeriodOutcome]
) -> dict[datetime, int]:
    """Rows that came or went, by period; a period that was empty and still is has not changed."""
    changed = {o.start: max(o.rows, deleted.get(o.start, 0)) for o in outcomes}
    return {start: rows for start, rows in {**changed, **moved}.items() if rows}


def _bounds(first: datetime, end: datetime) -> dict[str, object]:
    return {"period_start": _text(first), "period_end": _text(end)}


def _text(moment: datetime) -> str:
    """A moment in UTC as Redshift's TIMESTAMP text."""
    return moment.strftime("%Y-%m-%d %H:%M:%S")
