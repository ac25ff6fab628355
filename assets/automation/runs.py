"""What Dagster's instance knows about runs over the hours of a stream: from the UI, a backfill, the command
line or a sensor alike. Runs over fewer assets than the table are deliberately not counted."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime

import dagster as dg

from assets.automation.requests import Content, FinishedRun, HourRequest
from assets.keys import StreamKeys, job_name
from weblogs_platform.core.errors import InvalidName
from weblogs_platform.core.partitions import LandingHour
from weblogs_platform.core.spec import StreamSpec

PARTITION_TAG = "dagster/partition"
RANGE_START_TAG = "dagster/asset_partition_range_start"
RANGE_END_TAG = "dagster/asset_partition_range_end"
CONTENT_TAG = "content"
"""`content/2025-07-20-10`: the digest of the listing of that hour that a run was requested for."""

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


def finished_runs(
    instance: dg.DagsterInstance, spec: StreamSpec, contents: Iterable[Content]
) -> list[FinishedRun]:
    """Runs that were requested for one of these contents, and ended."""
    found = {
        record.dagster_run.run_id: _finished(record)
        for content in contents
        for record in _requested_for(instance, spec, content, _FINISHED)
    }
    return list(found.values())


def content_tags(contents: Iterable[Content]) -> dict[str, str]:
    """The run tags that say what a run was requested for."""
    return {_content_tag(hour): digest for hour, digest in contents}


def _content_tag(hour: LandingHour) -> str:
    return f"{CONTENT_TAG}/{hour.start:%Y-%m-%d-%H}"


def requested_contents(
    instance: dg.DagsterInstance, spec: StreamSpec, contents: Iterable[Content]
) -> set[Content]:
    """Those of these contents, which the ledger lacks, whose newest run is in Dagster's storage and did not succeed:
    it is under way, or an attempt that the listing sensor goes on from. One that succeeded was for an earlier time."""
    runs = {content: _requested_for(instance, spec, content) for content in contents}
    return {
        content
        for content, found in runs.items()
        if found and found[0].dagster_run.status != dg.DagsterRunStatus.SUCCESS
    }


def _requested_for(
    instance: dg.DagsterInstance,
    spec: StreamSpec,
    content: Content,
    statuses: Sequence[dg.DagsterRunStatus] | None = None,
) -> list[dg.RunRecord]:
    """Runs that were requested for just this content, the newest first."""
    # One query each: an index finds exact tags, and there are few runs for one content.
    filters = dg.RunsFilter(statuses=statuses, tags=content_tags([content]))
    records = instance.get_run_records(filters=filters, limit=_MAX_RUNS)
    return [record for record in records if _loads(record.dagster_run, spec)]


def run_request(request: HourRequest, job: str | None = None) -> dg.RunRequest:
    """What asks Dagster for the run; `job` where the sensor has several."""
    tags = content_tags(request.contents)
    if len(request.hours) == 1:
        key = request.hours[0].partition_key
        return dg.RunRequest(request.run_key, job_name=job, partition_key=key, tags=tags)
    return dg.RunRequest(request.run_key, job_name=job, tags=range_tags(request.hours) | tags)


def any_active(instance: dg.DagsterInstance, keys: Collection[dg.AssetKey]) -> bool:
    """Whether a run over some of these assets is queued or in progress."""
    runs = instance.get_runs(filters=dg.RunsFilter(statuses=ACTIVE), limit=_MAX_RUNS)
    return any(run.asset_selection and not run.asset_selection.isdisjoint(keys) for run in runs)


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
    if run.asset_selection:  # empty for `weblogs load`, which selects nothing and runs the job
        return StreamKeys.of(spec).table in run.asset_selection
    return run.job_name == job_name(spec)


def _finished(record: dg.RunRecord) -> FinishedRun:
    run, created = record.dagster_run, _created(record)
    ended = datetime.fromtimestamp(record.end_time, UTC) if record.end_time else created
    tags = {hour: run.tags.get(_content_tag(hour)) for hour in hours_of(run.tags)}
    contents = frozenset((hour, digest) for hour, digest in tags.items() if digest)
    return FinishedRun(ended, contents, run.status == dg.DagsterRunStatus.SUCCESS)


def _created(record: dg.RunRecord) -> datetime:
    created = record.create_timestamp
    return created.replace(tzinfo=UTC) if created.tzinfo is None else created.astimezone(UTC)
