"""The sensor over the queue of S3's notifications: an hour is requested seconds after its object landed.

A message is a hint that an hour changed. Its hour is listed and compared with the ledger as the listing sensor does,
with the same decision and run keys. The message is deleted by a later tick, when it comes back and finds that
- the ledger has its object, or everything that is listed of its hour, or
- Dagster's storage has a run that was requested for just what is listed of its hour (`requested_contents`): the request
  is durable, and what such a run does not bring in, the listing sensor requests again with its pauses.
No clock is asked, S3's, Dagster's or this machine's: a message is compared by content, with a listing that was made
after it. Nothing is remembered here. A tick that dies anywhere leaves its messages to come back, and whoever hears of
an object twice finds it in the ledger: delivery at least once is harmless.

What can never be understood (no notification, another bucket, a key of no stream's layout, an hour before the
partitions) goes to the dead-letter queue with its reason. An hour that has not begun is left to come back. Without a
queue, or without rights on it, the listing sensors and the reconcile still see everything.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import dagster as dg

from assets.automation.requests import Content, HourState, in_range
from assets.automation.runs import requested_contents, run_request
from assets.automation.streams import SENSOR_SECS, decide_lacking, skip_reason, utc_now
from assets.automation.survey import with_ledger
from assets.keys import job_name
from resources import InboxResource, LakeResource, RedshiftResource
from weblogs_platform.clients.inbox import Inbox, Message
from weblogs_platform.clients.lake import Lake
from weblogs_platform.clients.warehouse import Warehouse
from weblogs_platform.core.errors import InvalidDocument, WeblogsError, one_line
from weblogs_platform.core.notices import Notice, parse_notices
from weblogs_platform.core.partitions import LandingHour
from weblogs_platform.core.spec import StreamSpec
from weblogs_platform.pipeline.landing import list_hour

MESSAGES_PER_TICK = 200
"""Each may be an hour of its own, which is a listing of some 45 ms."""

RECEIVE_SECS = 15.0

NO_QUEUE = "no queue of S3's notifications is set (WEBLOGS_QUEUE_URL): the listing sensors see what lands"


@dataclass(frozen=True)
class Hint:
    """An object of an hour of a stream is new, or was rewritten."""

    stream: str
    hour: LandingHour
    key: str


@dataclass(frozen=True)
class Reading:
    """What a message says, and what of it is to be refused."""

    message: Message
    hints: tuple[Hint, ...]
    faults: tuple[str, ...]


def inbox_sensor(
    *,
    streams: Sequence[StreamSpec],
    jobs: Sequence[Any],
    clock: Callable[[], datetime] = utc_now,
) -> dg.SensorDefinition:
    """The sensor `watch_notifications` over the one queue of all streams, running by default."""

    @dg.sensor(
        name="watch_notifications",
        jobs=jobs,
        minimum_interval_seconds=SENSOR_SECS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Requests the hours that S3's notifications in the queue name, where the ledger lacks them.",
    )
    def watch(
        context: dg.SensorEvaluationContext,
        lake: LakeResource,
        redshift: RedshiftResource,
        inbox: InboxResource,
    ) -> dg.SensorResult | dg.SkipReason:
        try:
            queue = inbox.inbox()
            if queue is None:
                return dg.SkipReason(NO_QUEUE)
            return _watch(context, queue, streams, lake.lake(), redshift.warehouse(), clock())
        except WeblogsError as error:
            return dg.SkipReason(f"{error}. The listing sensors see what lands meanwhile")

    return watch


def read_message(message: Message, bucket: str, streams: Sequence[StreamSpec]) -> Reading:
    """The hours that a message names, and the reasons against whatever else is in it."""
    try:
        notices = parse_notices(message.body)
    except InvalidDocument as error:
        return Reading(message, (), (f"the message {error}",))
    found = [_hint(notice, bucket, streams) for notice in notices]
    return Reading(
        message,
        tuple(dict.fromkeys(f for f in found if isinstance(f, Hint))),
        tuple(dict.fromkeys(f for f in found if isinstance(f, str))),
    )


def _hint(notice: Notice, bucket: str, streams: Sequence[StreamSpec]) -> Hint | str:
    if notice.bucket != bucket:
        return f"it is about another bucket: {one_line(notice.bucket)}"
    for spec in streams:
        hour = spec.landing_hour_of(notice.key)
        if hour is not None:
            early = hour < spec.first_hour
            return (
                f"{one_line(notice.key)} is before the stream's partitions"
                if early
                else Hint(spec.name, hour, notice.key)
            )
    return f"{one_line(notice.key)} belongs to no stream's layout"


def _watch(
    context: dg.SensorEvaluationContext,
    inbox: Inbox,
    streams: Sequence[StreamSpec],
    lake: Lake,
    warehouse: Warehouse,
    now: datetime,
) -> dg.SensorResult:
    messages = inbox.receive(at_most=MESSAGES_PER_TICK, within_secs=RECEIVE_SECS)
    readings = [read_message(message, lake.bucket, streams) for message in messages]
    done: set[Hint] = set()
    requests: list[dg.RunRequest] = []
    notes: list[str] = []
    for spec in streams:
        hints = {hint for reading in readings for hint in reading.hints if hint.stream == spec.name}
        if hints:
            seen = _survey(context, spec, hints, lake, warehouse, now)
            done |= seen.done
            requests += seen.requests
            notes += seen.notes
    try:
        notes += _finish(inbox, [reading for reading in readings if done.issuperset(reading.hints)])
    except WeblogsError as error:  # what is to be requested is known all the same
        notes.append(f"messages stay in the queue: {error}")
        context.log.warning(notes[-1])
    return dg.SensorResult(run_requests=requests, skip_reason=None if requests else _quiet(messages, notes))


@dataclass(frozen=True)
class _Seen:
    done: set[Hint]
    requests: list[dg.RunRequest]
    notes: tuple[str, ...]


def _survey(
    context: dg.SensorEvaluationContext,
    spec: StreamSpec,
    hints: set[Hint],
    lake: Lake,
    warehouse: Warehouse,
    now: datetime,
) -> _Seen:
    """Listing, ledger and runs over the hinted hours: which hints are done, and what to request."""
    hours = sorted({hint.hour for hint in hints if in_range(spec, hint.hour, now)})
    listed = {hour: list_hour(lake, spec, hour) for hour in hours}
    # An hour whose objects are gone again is not requested, as the listing sensor does not.
    states = with_ledger(warehouse, spec, {hour: objects for hour, objects in listed.items() if objects})
    lacking = [state for state in states if not state.is_loaded(spec)]
    by_hour = {state.hour: state for state in lacking}
    requested = requested_contents(context.instance, spec, [state.content for state in lacking])
    done = {h for h in hints if h.hour in listed and _is_done(h, by_hour.get(h.hour), spec, requested)}
    decision = decide_lacking(context, spec, lacking, now)
    early = [f"{h.partition_key} has not begun" for h in sorted({hint.hour for hint in hints} - set(hours))]
    requests = [run_request(request, job_name(spec)) for request in decision.requests]
    return _Seen(done, requests, (*decision.notes, *early))


def _is_done(hint: Hint, lacking: HourState | None, spec: StreamSpec, requested: Collection[Content]) -> bool:
    """`lacking`: the hint's hour, where the ledger lacks something of it; objects may be arriving all the time."""
    return lacking is None or lacking.content in requested or lacking.of_object(hint.key).is_loaded(spec)


def _finish(inbox: Inbox, readings: Sequence[Reading]) -> list[str]:
    """Deletes what is done, and moves what has faults to the dead-letter queue. Notes about the latter."""
    inbox.delete([reading.message for reading in readings if not reading.faults])
    notes: list[str] = []
    for reading in readings:
        if reading.faults:
            moved = inbox.reject(reading.message, "; ".join(reading.faults))
            where = (
                "moved to the dead-letter queue" if moved else "left, as the queue has no dead-letter queue"
            )
            notes.append(f"a message was {where}: {reading.faults[0]}")
    return notes


def _quiet(messages: Sequence[Message], notes: Sequence[str]) -> str:
    if not messages:
        return "the queue has no messages"
    return skip_reason(notes, otherwise="every hour that was notified is loaded or requested")
