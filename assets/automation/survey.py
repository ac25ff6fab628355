"""Listing and ledger side by side, over days: what is landed, and what of it is loaded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from assets.automation.requests import HourState, in_range
from weblogs_platform.clients.lake import Lake
from weblogs_platform.clients.warehouse import Warehouse
from weblogs_platform.core.errors import one_line
from weblogs_platform.core.keys import LandingObject
from weblogs_platform.core.partitions import LandingHour
from weblogs_platform.core.plan import versions_left_out
from weblogs_platform.core.spec import StreamSpec
from weblogs_platform.pipeline.findings import Finding
from weblogs_platform.pipeline.landing import by_hour, landed_days, list_day
from weblogs_platform.pipeline.ledger import loaded_between

PAGE_DAYS = 100
"""Days of history that one reconcile lists: some 5 s at 45 ms a request."""

PAGES = 24
"""At most so many pages, one an hour, so that each day of history is compared once a day."""


@dataclass(frozen=True)
class Listing:
    """The landed hours of some days that are partitions, and whatever else stands in these days."""

    hours: Mapping[LandingHour, tuple[LandingObject, ...]]
    strays: tuple[Finding, ...] = ()

    @property
    def notes(self) -> tuple[str, ...]:
        """What is said of the strays."""
        return note([stray.found.key for stray in self.strays])


def list_landing(lake: Lake, spec: StreamSpec, days: Iterable[date], now: datetime) -> Listing:
    """One listing a day. Objects outside the stream's partitions are left out with a note."""
    found: dict[LandingHour, tuple[LandingObject, ...]] = {}
    strays: list[Finding] = []
    for day in days:
        objects = list_day(lake, spec, day)
        hours = {h: group for h, group in by_hour(spec, objects).items() if in_range(spec, h, now)}
        placed = {o.key for group in hours.values() for o in group}
        strays += [Finding(_hour(day), o, "stray") for o in objects if o.key not in placed]
        found |= hours
    return Listing(found, tuple(strays))


def with_ledger(
    warehouse: Warehouse, spec: StreamSpec, hours: Mapping[LandingHour, tuple[LandingObject, ...]]
) -> list[HourState]:
    """The hours with what the ledger has of them: one query for each stretch of days."""
    states: list[HourState] = []
    for stretch in _stretches(sorted({hour.start.date() for hour in hours})):
        first, end = _hour(stretch[0]), _hour(stretch[-1] + timedelta(days=1))
        loaded = loaded_between(warehouse, spec, first, end)
        states += [
            HourState(hour, objects, loaded.get(hour, ()))
            for hour, objects in hours.items()
            if first <= hour < end
        ]
    return sorted(states, key=lambda state: state.hour)


def not_loaded(spec: StreamSpec, state: HourState) -> list[Finding]:
    """The objects of an hour that the ledger has not, or not in their version; those that the policy leaves out aside."""
    left_out = set(versions_left_out(state.objects, state.loaded, spec.on_rewritten))
    loaded = {line.key: line.etag for line in state.loaded}
    return [
        Finding(state.hour, o, "rewritten" if o.key in loaded else "new")
        for o in state.objects
        if o not in left_out and loaded.get(o.key) != o.etag
    ]


def recent_days(now: datetime, days: int) -> list[date]:
    """The last so many days in UTC, today included, oldest first."""
    return [now.date() - timedelta(days=back) for back in range(days - 1, -1, -1)]


@dataclass(frozen=True)
class History:
    """The days of history whose turn it is, and what stands in no day."""

    page: tuple[date, ...]
    strays: tuple[Finding, ...]


def look_at_history(lake: Lake, spec: StreamSpec, now: datetime) -> History:
    """All days that have objects are listed in a day, by as many pages as there have to be."""
    first = spec.first_hour.start
    landed, outside = landed_days(lake, spec, range(first.year, now.year + 1))
    this_hour = LandingHour.containing(now)
    strays = tuple(Finding(this_hour, LandingObject(key, "", 0, now), "outside") for key in outside)
    return History(tuple(_page([day for day in landed if day >= first.date()], now)), strays)


def _page(days: Sequence[date], now: datetime) -> Sequence[date]:
    pages = max(1, min(PAGES, -(-len(days) // PAGE_DAYS)))
    page_size = -(-len(days) // pages)
    page = now.hour % pages
    return days[page * page_size : (page + 1) * page_size]


def note(outside: Sequence[str]) -> tuple[str, ...]:
    """What is said of keys and folders outside the partitions; nothing where there are none."""
    if not outside:
        return ()
    return (f"{len(outside)} outside the stream's partitions, left alone, e.g. {one_line(outside[0])}",)


def _stretches(days: Sequence[date]) -> list[list[date]]:
    """Runs of days with gaps of a week at most, so that a query never spans the silence of years."""
    groups: list[list[date]] = []
    for day in days:
        if groups and (day - groups[-1][-1]).days <= 7:
            groups[-1].append(day)
        else:
            groups.append([day])
    return groups


def _hour(day: date) -> LandingHour:
    return LandingHour(datetime(day.year, day.month, day.day, tzinfo=UTC))
