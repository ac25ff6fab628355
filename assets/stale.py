"""The runs that bring the derived tables up to date, from what the warehouse says is stale. No memory, no Dagster."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import dagster as dg

from assets.automation.runs import RANGE_END_TAG, RANGE_START_TAG
from assets.keys import PERIOD_FORMATS, derived_key, refresh_job_name
from weblogs_platform.clients.warehouse import Warehouse
from weblogs_platform.core.derived import DerivedTable
from weblogs_platform.core.partitions import stretches
from weblogs_platform.pipeline.refresh import stale_periods


@dataclass(frozen=True)
class StaleRun:
    """A run of a job over periods that follow each other, for the assets that lack just these. `start` and `last` are
    partition keys."""

    job: str
    start: str
    last: str
    keys: tuple[dg.AssetKey, ...]

    @property
    def tags(self) -> dict[str, str]:
        """The tags that make one run cover the periods."""
        return {RANGE_START_TAG: self.start, RANGE_END_TAG: self.last}


def stale_runs(
    warehouse: Warehouse, tables: Sequence[DerivedTable], first: datetime, now: datetime
) -> list[StaleRun]:
    """What is stale between `first` and the running period, oldest first. Tables that stand on what is refreshed
    become stale by it: ask again afterwards."""
    stale: dict[tuple[str, str, str], list[dg.AssetKey]] = {}
    for table in tables:
        end = table.period_of(now) + table.step
        periods = stale_periods(warehouse, table, first=table.period_of(first), end=end)
        for stretch in stretches(periods, lambda last, period, step=table.step: last + step == period):
            start, last = (
                period.strftime(PERIOD_FORMATS[table.grain]) for period in (stretch[0], stretch[-1])
            )
            stale.setdefault((refresh_job_name(table.grain), start, last), []).append(derived_key(table))
    return [StaleRun(*where, tuple(keys)) for where, keys in sorted(stale.items())]
