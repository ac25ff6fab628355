"""What Dagster's instance knows about runs over the hours of a stream: from the UI, a backfill, the command
line or a sensor alike. Runs over fewer assets than the table are deliberately not counted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

import dagster as dg

from assets.automation.requests import FinishedRun
from assets.keys import StreamKeys, job_name
from weblogs_platform.core.errors import InvalidName
from weblogs_platform.core.partitions import LandingHour
from weblogs_platform.core.spec import StreamSpec

PARTITION_TAG = "dagster/partition"
RANGE_START_TAG = "dagster/asset_partition_range_start"
RANGE_END_TAG = "dagster/asset_partition_range_end"

ACTIVE = [
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
_FINISHED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
_MAX_RUNS = 1000


def active_hours(instance: dg.DagsterInstance, spec: StreamSpec) -> set[LandingHour]:
    """Hours that a queued or running run covers."""
    runs = instance.get_runs(filters=dg.RunsFilter(statuses=ACTIVE), limit=_MAX_RUNS)
    return {hour for run in runs if _loads(run, spec) for hour in hours_of(run.tags)}


def finished_runs(instance: dg.DagsterInstance, spec: StreamSpec, since: datetime) -> list[FinishedRun]:
    """Runs created after `since` that ended, newest first, a thousand at most."""
    records = instance.get_run_records(
        filters=dg.RunsFilter(statuses=_FINISHED, created_after=since), limit=_MAX_RUNS
    )
    return [_finished(record) for record in records if _loads(record.dagster_run, spec)]


def range_tags(hours: Iterable[LandingHour]) -> dict[str, str]:
    """The run tags that make one run cover contiguous hours."""
    keys = [hour.partition_key for hour in hours]
    return {RANGE_START_TAG: keys[0], RANGE_END_TAG: keys[-1]}


def hours_of(tags: Mapping[str, str]) -> frozenset[LandingHour]:
    """The hours that a run with these tags covers."""
    try:
        if key := tags.get(PARTITION_TAG):
            return frozenset([LandingHour.from_partition_key(key)])
        if {RANGE_START_TAG, RANGE_END_TAG} <= tags.keys():
            first, last = (LandingHour.from_partition_key(tags[t]) for t in (RANGE_START_TAG, RANGE_END_TAG))
            return frozenset(first.until(last.plus(1)))
    except InvalidName:
        pass
    return frozenset()


def _loads(run: dg.DagsterRun, spec: StreamSpec) -> bool:
    if run.asset_selection is not None:
        return StreamKeys.of(spec).table in run.asset_selection
    return run.job_name == job_name(spec)


def _finished(record: dg.RunRecord) -> FinishedRun:
    created = record.create_timestamp
    created = created.replace(tzinfo=UTC) if created.tzinfo is None else created.astimezone(UTC)
    ended = datetime.fromtimestamp(record.end_time, UTC) if record.end_time else created
    return FinishedRun(created, ended, hours_of(record.dagster_run.tags))
