"""What keeps derived tables up to date: Dagster's own automation, and a reconcile that needs none of its memory.

The condition on every table (`assets.derived.refresh_on_change`) makes a refresh prompt: the event hours that a load
changed, and the tables above, ask for exactly the periods that follow from them. It knows what Dagster saw. What
Dagster did not see (a run that was killed after its commit, rows changed by hand) is in the warehouse: the reconcile
asks it which periods have not seen the last change of their sources.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import dagster as dg

from assets.automation.runs import ACTIVE, RANGE_END_TAG, RANGE_START_TAG
from assets.automation.streams import Clock, utc_now
from assets.keys import DAY_FORMAT, derived_key, refresh_job_name
from resources import RedshiftResource
from weblogs_platform.clients.warehouse import Warehouse
from weblogs_platform.core.derived import DerivedTable, Grain
from weblogs_platform.core.errors import WeblogsError
from weblogs_platform.core.partitions import PARTITION_FORMAT
from weblogs_platform.core.spec import StreamSpec
from weblogs_platform.pipeline.refresh import stale_periods

CONDITION_SECS = 30
RECONCILE_SECS = 600
MAX_REQUESTS = 40
_MAX_RUNS = 1000

_FORMATS: dict[Grain, str] = {"hour": PARTITION_FORMAT, "day": DAY_FORMAT}


def derived_jobs(tables: Sequence[DerivedTable]):
    """A job for each grain: the tables of hours, and those of days."""
    return [
        dg.define_asset_job(
            refresh_job_name(grain),
            selection=dg.AssetSelection.assets(*keys),
            description=f"Makes the derived tables of {grain}s again, in the order of their dependencies.",
        )
        for grain in _FORMATS
        if (keys := [derived_key(t) for t in tables if t.grain == grain])
    ]


def condition_sensor(tables: Sequence[DerivedTable]) -> dg.AutomationConditionSensorDefinition:
    """Evaluates the tables' conditions, running by default."""
    return dg.AutomationConditionSensorDefinition(
        "refresh_derived_tables",
        target=dg.AssetSelection.assets(*(derived_key(t) for t in tables)),
        default_status=dg.DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=CONDITION_SECS,
        description="Refreshes the periods of derived tables whose event hours or upstream tables changed.",
    )


def reconcile_sensor(
    tables: Sequence[DerivedTable],
    streams: Sequence[StreamSpec],
    jobs: Sequence[Any],
    clock: Clock = utc_now,
) -> dg.SensorDefinition:
    """Requests, as runs of `derived_jobs`, what the warehouse says is stale and no automation has taken care of;
    running by default."""

    @dg.sensor(
        name="reconcile_derived_tables",
        jobs=jobs,
        minimum_interval_seconds=RECONCILE_SECS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Asks the warehouse which periods have not seen the last change of their sources.",
    )
    def reconcile(
        context: dg.SensorEvaluationContext, redshift: RedshiftResource
    ) -> dg.SensorResult | dg.SkipReason:
        if _is_busy(context.instance, tables):
            return dg.SkipReason(
                "a refresh is queued or in progress: what it leaves stale is for the next look"
            )
        try:
            now, first = clock(), min(s.first_hour for s in streams).start
            requests = list(_requests(redshift.warehouse(), tables, first, now))
        except WeblogsError as error:
            return dg.SkipReason(str(error))
        if not requests:
            return dg.SkipReason("every period has seen the last change of its sources")
        return dg.SensorResult(run_requests=requests[:MAX_REQUESTS])

    return reconcile


def _is_busy(instance: dg.DagsterInstance, tables: Sequence[DerivedTable]) -> bool:
    keys = {derived_key(table) for table in tables}
    runs = instance.get_runs(filters=dg.RunsFilter(statuses=ACTIVE), limit=_MAX_RUNS)
    return any(keys & (run.asset_selection or set()) for run in runs)


def _requests(
    warehouse: Warehouse, tables: Sequence[DerivedTable], first: datetime, now: datetime
) -> Iterator[dg.RunRequest]:
    """Contiguous periods as one run over the tables that lack just them; each is tried once an hour."""
    stale: dict[tuple[Grain, str, str], list[dg.AssetKey]] = {}
    for table in tables:
        end = table.period_of(now) + table.step
        periods = stale_periods(warehouse, table, first=table.period_of(first), end=end)
        for stretch in _stretches(periods, table.step):
            start, last = (period.strftime(_FORMATS[table.grain]) for period in (stretch[0], stretch[-1]))
            stale.setdefault((table.grain, start, last), []).append(derived_key(table))
    for (grain, start, last), keys in sorted(stale.items()):
        yield dg.RunRequest(
            run_key=f"{refresh_job_name(grain)}|{start}..{last}|{now:%Y-%m-%dT%H}",
            job_name=refresh_job_name(grain),
            tags={RANGE_START_TAG: start, RANGE_END_TAG: last},
            asset_selection=keys,
        )


def _stretches(periods: Sequence[datetime], step: timedelta) -> list[list[datetime]]:
    groups: list[list[datetime]] = []
    for period in periods:
        if groups and groups[-1][-1] + step == period:
            groups[-1].append(period)
        else:
            groups.append([period])
    return groups
