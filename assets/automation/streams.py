"""The sensor and the reconcile schedule of a stream.

The sensor lists the last days every half minute. Its cursor holds, for each hour, the digest of the listing that
the ledger confirmed, so that a quiet tick asks neither the warehouse nor Dagster; losing it costs one query. The
reconcile looks every hour at the last week and at a page of older days, with no memory at all: late objects in
old hours are found there. What it finds is written down (`shopware_ops.reconcile_findings`), for the dashboards.

Hours without objects are not requested: a run over nothing would make a silent stream look fresh.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import dagster as dg

from assets.automation.requests import Decision, HourState, decide, listing_digest
from assets.automation.runs import active_hours, finished_runs, run_request
from assets.automation.survey import (
    list_landing,
    look_at_history,
    not_loaded,
    note,
    recent_days,
    with_ledger,
)
from assets.keys import job_name
from resources import LakeResource, RedshiftResource
from weblogs_platform.clients.lake import Lake
from weblogs_platform.clients.warehouse import Warehouse
from weblogs_platform.core.errors import WeblogsError
from weblogs_platform.core.spec import StreamSpec
from weblogs_platform.pipeline.findings import Look, record_look

SENSOR_SECS = 30
SENSOR_DAYS = 3
RECONCILE_DAYS = 7
RECONCILE_CRON = "7 * * * *"
MAX_NOTES = 5

Clock = Callable[[], datetime]
Cursor = dict[str, str]
Tick = dg.SensorEvaluationContext | dg.ScheduleEvaluationContext


@dataclass(frozen=True)
class StreamAutomation:
    """What keeps one stream loaded."""

    sensor: dg.SensorDefinition
    reconcile: dg.ScheduleDefinition


def utc_now() -> datetime:
    return datetime.now(UTC)


def stream_automation(*, spec: StreamSpec, clock: Clock = utc_now) -> StreamAutomation:
    """The sensor `watch_<stream>` and the schedule `reconcile_<stream>`, both running by default."""

    @dg.sensor(
        name=f"watch_{spec.name}",
        job_name=job_name(spec),
        minimum_interval_seconds=SENSOR_SECS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"Requests hours of {spec.name} with new or rewritten objects in the last {SENSOR_DAYS} days.",
    )
    def watch(
        context: dg.SensorEvaluationContext, lake: LakeResource, redshift: RedshiftResource
    ) -> dg.SensorResult | dg.SkipReason:
        try:
            return _watch(context, spec, lake.lake(), redshift.warehouse(), clock())
        except WeblogsError as error:
            return dg.SkipReason(str(error))

    @dg.schedule(
        name=f"reconcile_{spec.name}",
        job_name=job_name(spec),
        cron_schedule=RECONCILE_CRON,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"Compares landing with the ledger and requests the hours of {spec.name} that it lacks.",
    )
    def reconcile(
        context: dg.ScheduleEvaluationContext, lake: LakeResource, redshift: RedshiftResource
    ) -> list[dg.RunRequest] | dg.SkipReason:
        try:
            return _reconcile(context, spec, lake.lake(), redshift.warehouse(), clock())
        except WeblogsError as error:
            return dg.SkipReason(str(error))

    return StreamAutomation(watch, reconcile)


def _watch(
    context: dg.SensorEvaluationContext, spec: StreamSpec, lake: Lake, warehouse: Warehouse, now: datetime
) -> dg.SensorResult:
    listing = list_landing(lake, spec, recent_days(now, SENSOR_DAYS), now)
    digests = {hour: listing_digest(objects) for hour, objects in listing.hours.items()}
    confirmed = _read_cursor(context.cursor)
    changed = {h: o for h, o in listing.hours.items() if confirmed.get(h.partition_key) != digests[h]}
    states = with_ledger(warehouse, spec, changed)
    lacking = [state for state in states if not state.is_loaded(spec)]
    open_hours = {state.hour for state in lacking}
    cursor = {h.partition_key: digest for h, digest in digests.items() if h not in open_hours}
    decision = decide_lacking(context, spec, lacking, now)
    return dg.SensorResult(
        run_requests=[run_request(request) for request in decision.requests],
        skip_reason=None if decision.requests else skip_reason([*decision.notes, *listing.notes]),
        cursor=json.dumps(cursor, sort_keys=True),
    )


def _reconcile(
    context: dg.ScheduleEvaluationContext, spec: StreamSpec, lake: Lake, warehouse: Warehouse, now: datetime
) -> list[dg.RunRequest] | dg.SkipReason:
    history = look_at_history(lake, spec, now)
    days = {*recent_days(now, RECONCILE_DAYS), *history.page}
    listing = list_landing(lake, spec, sorted(days), now)
    states = with_ledger(warehouse, spec, listing.hours)
    lacking = [state for state in states if not state.is_loaded(spec)]
    decision = decide_lacking(context, spec, lacking, now)
    in_days = {stray.found.key for stray in listing.strays}
    strays = [*listing.strays, *(s for s in history.strays if s.found.key not in in_days)]
    requested = [f"{len(decision.requests)} runs requested"] if decision.requests else []
    said = skip_reason([*requested, *decision.notes, *note([stray.found.key for stray in strays])])
    objects = sum(len(state.objects) for state in states)
    findings = [*strays, *(f for state in lacking for f in not_loaded(spec, state))]
    look = Look(now, days, objects, findings, said)
    try:
        record_look(warehouse, spec, look)
    except WeblogsError as error:
        context.log.warning("what was found is not recorded: %s", error)
    if not decision.requests:
        return dg.SkipReason(said)
    return [run_request(request) for request in decision.requests]


def decide_lacking(context: Tick, spec: StreamSpec, lacking: Sequence[HourState], now: datetime) -> Decision:
    """What to request of the hours that the ledger lacks, given the runs that Dagster knows."""
    if not lacking:
        return Decision((), ())
    return decide(
        spec=spec,
        lacking=lacking,
        active=active_hours(context.instance, spec),
        finished=finished_runs(context.instance, spec, [state.content for state in lacking]),
        now=now,
    )


def skip_reason(lines: Sequence[str], *, otherwise: str = "every landed hour is loaded") -> str:
    """The first lines in one; `otherwise` when there are none."""
    more = [f"and {len(lines) - MAX_NOTES} more"] if len(lines) > MAX_NOTES else []
    return "; ".join([*lines[:MAX_NOTES], *more]) or otherwise


def _read_cursor(text: str | None) -> Cursor:
    """What the cursor says; nothing when it is absent or not ours, which costs one look at the ledger."""
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return {}
    return {str(k): str(v) for k, v in found.items()} if isinstance(found, dict) else {}
