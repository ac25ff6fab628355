"""Which hours to request, from what is listed, loaded, running and was tried. Pure, so that every case is a test.

The ledger alone says that an hour is done. An hour that it lacks is requested, unless a run over it is queued or
in progress; after a run that did not bring it in, it is requested again with growing pauses, up to a day. A run is
an attempt at the content that it was requested for, whatever any clock says; other content makes the count begin anew,
and so does a run that succeeded.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile

from weblogs_platform.core.keys import LandingObject
from weblogs_platform.core.partitions import LandingHour, stretches
from weblogs_platform.core.plan import LoadedFile, differs
from weblogs_platform.core.spec import StreamSpec

HOURS_PER_RUN = 24
MAX_REQUESTS = 40
"""Of one tick: each costs Dagster a fifth of a second, and a tick has a minute."""

PAUSES = tuple(timedelta(seconds=s) for s in (0, 30, 120, 600, 3600, 6 * 3600, 24 * 3600))
"""Before attempt 1, 2, ...; before all later ones the last: what stood in the way may be mended after any time, and
nobody may think of this hour then."""

Content = tuple[LandingHour, str]
"""An hour, and the digest of its listing."""


@dataclass(frozen=True)
class FinishedRun:
    """A run that ended, at a time in UTC, and what it was requested for."""

    ended: datetime
    contents: frozenset[Content]
    succeeded: bool = False


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
    def content(self) -> Content:
        return self.hour, self.digest

    def of_object(self, key: str) -> HourState:
        """The same of one object alone."""
        return HourState(
            self.hour,
            tuple(o for o in self.objects if o.key == key),
            tuple(f for f in self.loaded if f.key == key),
        )

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
    """One run over contiguous hours, each with the digest of its listing."""

    contents: tuple[Content, ...]
    run_key: str

    @property
    def hours(self) -> tuple[LandingHour, ...]:
        return tuple(hour for hour, _ in self.contents)


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
    return stretches(states, lambda last, state: last.hour.plus(1) == state.hour, limit)


def in_range(spec: StreamSpec, hour: LandingHour, now: datetime) -> bool:
    """Whether the hour is a partition: from the spec's first hour to the running one."""
    return spec.first_hour <= hour <= LandingHour.containing(now)


def _attempts(state: HourState, finished: Sequence[FinishedRun]) -> list[FinishedRun]:
    """Runs for just this content, the last one last."""
    return sorted((run for run in finished if state.content in run.contents), key=lambda run: run.ended)


def _reason_to_wait(attempts: Sequence[FinishedRun], is_active: bool, now: datetime) -> str | None:
    if is_active:
        return "is queued or in progress"
    if not attempts:
        return None
    # After a success the same content may be lacking again: it was rewritten and is back, or the ledger was set back.
    failed = sum(1 for _ in takewhile(lambda run: not run.succeeded, reversed(attempts)))
    ended = attempts[-1].ended
    pause = PAUSES[min(max(1, failed), len(PAUSES) - 1)]
    if abs(now - ended) >= pause:
        return None  # long ago, or in the future by a clock that has been set back since
    what = f"failed {failed} times" if failed else "was loaded, and is not any more"
    return f"{what}; again after {ended + pause:%Y-%m-%d %H:%M:%S} UTC"


def _request(
    spec: StreamSpec, states: Sequence[HourState], attempts: Mapping[LandingHour, Sequence[FinishedRun]]
) -> HourRequest:
    """The run key differs for another content and for another attempt: Dagster never runs a key twice."""
    contents = tuple(state.content for state in states)
    digest = hashlib.sha256("".join(state.digest for state in states).encode()).hexdigest()[:16]
    attempt = 1 + sum(len(attempts[state.hour]) for state in states)
    first, last = states[0].hour.partition_key, states[-1].hour.partition_key
    return HourRequest(contents, f"{spec.name}|{first}..{last}|{digest}|{attempt}")
