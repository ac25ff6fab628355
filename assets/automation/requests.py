"""Which hours to request, from what is listed, loaded, running and was tried. Pure, so that every case is a test.

The ledger alone says that an hour is done. An hour that it lacks is requested, unless a run over it is queued or
in progress; after a run that did not bring it in, it is requested again with growing pauses, a bounded number of
times. A new or rewritten object makes the count begin anew.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from weblogs_platform.core.keys import LandingObject
from weblogs_platform.core.partitions import LandingHour
from weblogs_platform.core.plan import LoadedFile, differs
from weblogs_platform.core.spec import StreamSpec

HOURS_PER_RUN = 24
MAX_REQUESTS = 40
"""Of one tick: each costs Dagster a fifth of a second, and a tick has a minute."""

PAUSES = tuple(timedelta(seconds=s) for s in (0, 30, 120, 600, 3600, 6 * 3600))
"""Before attempt 1, 2, ...: as many attempts as there are pauses."""

NEVER = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class FinishedRun:
    """A run over some hours that ended, whatever came of it. Times are UTC."""

    created: datetime
    ended: datetime
    hours: frozenset[LandingHour]


@dataclass(frozen=True)
class HourState:
    """One hour as the lake and the ledger have it."""

    hour: LandingHour
    objects: tuple[LandingObject, ...]
    loaded: tuple[LoadedFile, ...] = ()

    @property
    def digest(self) -> str:
        """16 hex digits that change when an object comes, goes or is rewritten."""
        return listing_digest(self.objects)

    @property
    def newest(self) -> datetime:
        """When an object of the hour was last written."""
        return max((o.modified for o in self.objects), default=NEVER)

    def is_loaded(self, spec: StreamSpec) -> bool:
        """Whether a run over the hour would find nothing to do."""
        return not differs(
            listed=self.objects,
            loaded=self.loaded,
            on_vanished=spec.on_vanished,
            on_rewritten=spec.on_rewritten,
        )


@dataclass(frozen=True)
class HourRequest:
    """One run over contiguous hours, first and last included."""

    hours: tuple[LandingHour, ...]
    run_key: str


@dataclass(frozen=True)
class Decision:
    """What to request now, and a line about every hour that has to wait."""

    requests: tuple[HourRequest, ...]
    notes: tuple[str, ...]


def listing_digest(objects: Iterable[LandingObject]) -> str:
    text = "\0".join(part for o in sorted(objects, key=lambda o: o.key) for part in o.identity)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def decide(
    *,
    spec: StreamSpec,
    lacking: Sequence[HourState],
    active: Collection[LandingHour],
    finished: Sequence[FinishedRun],
    now: datetime,
) -> Decision:
    """The runs to request for hours that the ledger lacks."""
    attempts = {state.hour: _attempts(state, finished) for state in lacking}
    due: list[HourState] = []
    notes: list[str] = []
    for state in sorted(lacking, key=lambda state: state.hour):
        reason = _reason_to_wait(attempts[state.hour], state.hour in active, now)
        if reason is None:
            due.append(state)
        else:
            notes.append(f"{state.hour.partition_key} {reason}")
    requests = [_request(spec, group, attempts) for group in contiguous(due)]
    if len(requests) > MAX_REQUESTS:
        notes.append(f"{len(requests) - MAX_REQUESTS} more runs to request at the next tick")
    return Decision(tuple(requests[:MAX_REQUESTS]), tuple(notes))


def contiguous(states: Sequence[HourState], limit: int = HOURS_PER_RUN) -> list[list[HourState]]:
    """Splits sorted states into stretches of consecutive hours, `limit` at most each."""
    groups: list[list[HourState]] = []
    for state in states:
        follows = groups and groups[-1][-1].hour.plus(1) == state.hour and len(groups[-1]) < limit
        if follows:
            groups[-1].append(state)
        else:
            groups.append([state])
    return groups


def in_range(spec: StreamSpec, hour: LandingHour, now: datetime) -> bool:
    """Whether the hour is a partition: from the spec's first hour to the running one."""
    return spec.first_hour <= hour <= LandingHour.containing(now)


def _attempts(state: HourState, finished: Sequence[FinishedRun]) -> list[FinishedRun]:
    return [run for run in finished if state.hour in run.hours and run.created > state.newest]


def _reason_to_wait(attempts: Sequence[FinishedRun], is_active: bool, now: datetime) -> str | None:
    if is_active:
        return "is queued or in progress"
    if len(attempts) >= len(PAUSES):
        return f"was not loaded by {len(attempts)} runs: look at the last one, then materialize it by hand"
    if attempts and now < (due := max(run.ended for run in attempts) + PAUSES[len(attempts)]):
        return f"failed {len(attempts)} times; again after {due:%H:%M:%S} UTC"
    return None


def _request(
    spec: StreamSpec, states: Sequence[HourState], attempts: Mapping[LandingHour, Sequence[FinishedRun]]
) -> HourRequest:
    """The run key differs for another content and for another attempt: Dagster never runs a key twice."""
    hours = tuple(state.hour for state in states)
    digest = hashlib.sha256("".join(state.digest for state in states).encode()).hexdigest()[:16]
    attempt = 1 + sum(len(attempts[hour]) for hour in hours)
    first, last = hours[0].partition_key, hours[-1].partition_key
    return HourRequest(hours, f"{spec.name}|{first}..{last}|{digest}|{attempt}")
