"""The runs that bring the derived tables up to date, from what the warehouse says is stale. No memory, no Dagster."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import dagster as dg

from assets.automation.runs import RANGE_END_TAG, RANGE_START_TAG
from assets.keys import PERIOD_FORMATS, derived_key, refresh_job_name
from weblogs_platform.clients.warehouse import Warehouse
from weblogs_platform.core.derived import DerivedTable, Grain
from weblogs_platform.pipeline.refresh import stale_periods


@dataclass(frozen=True)
class StaleRun:
    """A run over periods that follow each other, for the tables that lack just these. `start` and `last` are
    partition keys."""

    grain: Grain
    start: str
    last: str
    keys: tuple[dg.AssetKey, ...]

    @property
    def job(self) -> str:
        return refresh_job_name(self.grain)

    @property
    def tags(self) -> dict[str, str]:
        """The tags that make one run cover the periods."""
        return {RANGE_START_TAG: self.start, RANGE_END_TAG: self.last}


def stale_runs(
    warehouse: Warehouse, tables: Sequence[DerivedTable], first: datetime, now: datetime
) -> list[StaleRun]:
    """What is stale between `first` and the running period, oldest first. Tables that stand on what is refreshed
    become stale by it: ask again afterwards."""
    stale: dict[tuple[Grain, str, str], list[dg.AssetKey]] = {}
    for table in tables:
        end = table.period_of(now) + table.step
        periods = stale_periods(warehouse, table, first=table.period_of(first), end=end)
        for stretch in _stretches(periods, table.step):
            start, last = (
                period.strftime(PERIOD_FORMATS[table.grain]) for period in (stretch[0], stretch[-1])
            )
            stale.setdefault((table.grain, start, last), []).append(derived_key(table))
    return [StaleRun(*where, tuple(keys)) for where, keys in sorted(stale.items())]


def _stretches(periods: Sequence[datetime], step: timedelta) -> list[list[datetime]]:
    groups: list[list[datetime]] = []
    for period in periods:
        if groups and groups[-1][-1] + step == period:
            groups[-1].append(period)
        else:
            groups.append([period])
    return groups
