"""What keeps derived tables up to date: Dagster's own automation, and a reconcile that needs none of its memory.

The condition on every table (`assets.derived.refresh_on_change`) makes a refresh prompt: the event hours that a load
changed, and the tables above, ask for exactly the periods that follow from them. It knows what Dagster saw. What
Dagster did not see (a run that was killed after its commit, rows changed by hand) is in the warehouse: the reconcile
asks it which periods have not seen the last change of their sources.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import dagster as dg

from assets.automation.runs import any_active
from assets.automation.streams import Clock, utc_now
from assets.keys import PERIOD_FORMATS, derived_key, refresh_job_name
from assets.stale import StaleRun, stale_runs
from resources import RedshiftResource
from weblogs_platform.core.derived import DerivedTable
from weblogs_platform.core.errors import WeblogsError
from weblogs_platform.core.spec import StreamSpec

CONDITION_SECS = 30
RECONCILE_SECS = 600
MAX_REQUESTS = 40


def derived_jobs(tables: Sequence[DerivedTable]):
    """A job for each grain: the tables of hours, and those of days."""
    return [
        dg.define_asset_job(
            refresh_job_name(grain),
            selection=dg.AssetSelection.assets(*keys),
            description=f"Makes the derived tables of {grain}s again, in the order of their dependencies.",
        )
        for grain in PERIOD_FORMATS
        if (keys := [derived_key(t) for t in tables if t.grain == grain])
    ]


def condition_sensor(tables: Sequence[DerivedTable]) -> dg.AutomationConditionSensorDefinition:
    """Evaluates the tables' conditions, running by default."""
    return follow_conditions(
        "refresh_derived_tables",
        [derived_key(table) for table in tables],
        "Refreshes the periods of derived tables whose event hours or upstream tables changed.",
    )


def follow_conditions(
    name: str, keys: Sequence[dg.AssetKey], description: str
) -> dg.AutomationConditionSensorDefinition:
    """The sensor that evaluates these assets' own conditions, running by default."""
    return dg.AutomationConditionSensorDefinition(
        name,
        target=dg.AssetSelection.assets(*keys),
        default_status=dg.DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=CONDITION_SECS,
        description=description,
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
        if any_active(context.instance, {derived_key(table) for table in tables}):
            return dg.SkipReason(
                "a refresh is queued or in progress: what it leaves stale is for the next look"
            )
        try:
            now, first = clock(), min(s.first_hour for s in streams).start
            runs = stale_runs(redshift.warehouse(), tables, first, now)
        except WeblogsError as error:
            return dg.SkipReason(str(error))
        if not runs:
            return dg.SkipReason("every period has seen the last change of its sources")
        return dg.SensorResult(run_requests=[tried_hourly(run, now) for run in runs[:MAX_REQUESTS]])

    return reconcile


def tried_hourly(run: StaleRun, now: datetime) -> dg.RunRequest:
    """Each run is tried once an hour, as long as it is needed: Dagster never runs a key twice."""
    return dg.RunRequest(
        run_key=f"{run.job}|{run.start}..{run.last}|{now:%Y-%m-%dT%H}",
        job_name=run.job,
        tags=run.tags,
        asset_selection=list(run.keys),
    )
