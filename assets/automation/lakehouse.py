"""What keeps the lakehouse up to date, and tidy.

As for derived tables: a condition makes it prompt, a sensor asks the warehouse which hours have a state that was not
copied, and a schedule looks after the files once a day.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import dagster as dg

from assets.automation.derived import MAX_REQUESTS, RECONCILE_SECS, follow_conditions, tried_hourly
from assets.automation.runs import any_active
from assets.automation.streams import Clock, utc_now
from assets.keys import lakehouse_job_name, lakehouse_key
from assets.lakehouse import HOURS_PER_COPY_RUN
from assets.stale import StaleRun
from resources import RedshiftResource
from weblogs_platform.core.errors import WeblogsError
from weblogs_platform.core.partitions import LandingHour, stretches
from weblogs_platform.core.spec import StreamSpec
from weblogs_platform.pipeline.lakehouse import stale_hours

MAINTENANCE_CRON = "23 3 * * *"


def lakehouse_sensor(streams: Sequence[StreamSpec]) -> dg.AutomationConditionSensorDefinition:
    """Evaluates the copies' conditions, running by default."""
    return follow_conditions(
        "copy_to_lakehouse",
        [lakehouse_key(spec) for spec in streams],
        "Copies the hours of stream tables that were loaded into the lakehouse.",
    )


def lakehouse_reconcile(
    streams: Sequence[StreamSpec], jobs: Sequence[Any], clock: Clock = utc_now
) -> dg.SensorDefinition:
    """Requests the hours whose present state was not copied and that no automation has taken care of; running by
    default."""

    @dg.sensor(
        name="reconcile_lakehouse",
        jobs=jobs,
        minimum_interval_seconds=RECONCILE_SECS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Asks the warehouse which landing hours have changed since they were copied.",
    )
    def reconcile(
        context: dg.SensorEvaluationContext, redshift: RedshiftResource
    ) -> dg.SensorResult | dg.SkipReason:
        if any_active(context.instance, {lakehouse_key(spec) for spec in streams}):
            return dg.SkipReason("a copy is queued or in progress: what it leaves is for the next look")
        now = clock()
        end = LandingHour.containing(now).plus(1)
        try:
            warehouse = redshift.warehouse()
            requests = [
                tried_hourly(run, now)
                for spec in streams
                for run in _stale_runs(spec, stale_hours(warehouse, spec, spec.first_hour, end))
            ]
        except WeblogsError as error:
            return dg.SkipReason(str(error))
        if not requests:
            return dg.SkipReason("every loaded hour is in the lakehouse as it is in its table")
        return dg.SensorResult(run_requests=requests[:MAX_REQUESTS])

    return reconcile


def maintenance_schedule(job: Any) -> dg.ScheduleDefinition:
    """Once a day, running by default."""
    return dg.ScheduleDefinition(
        name="maintain_lakehouse_daily",
        job=job,
        cron_schedule=MAINTENANCE_CRON,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Compacts the lakehouse and removes files that no reader needs any more.",
    )


def _stale_runs(spec: StreamSpec, hours: Sequence[LandingHour]) -> list[StaleRun]:
    """Hours that follow each other together, as many as a run takes."""
    runs = stretches(hours, lambda last, hour: last.plus(1) == hour, HOURS_PER_COPY_RUN)
    job, keys = lakehouse_job_name(spec), (lakehouse_key(spec),)
    return [StaleRun(job, run[0].partition_key, run[-1].partition_key, keys) for run in runs]
