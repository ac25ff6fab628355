"""Landing: what Firehose and others delivered. Listing only; nothing is read."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from weblogs_platform.clients.lake import Lake
from weblogs_platform.core.keys import LandingObject
from weblogs_platform.core.layout import HourFolders
from weblogs_platform.core.partitions import LandingHour
from weblogs_platform.core.spec import StreamSpec

LandedHours = dict[LandingHour, tuple[LandingObject, ...]]


def list_hour(lake: Lake, spec: StreamSpec, hour: LandingHour) -> tuple[LandingObject, ...]:
    """The objects of one hour in key order; empty when none landed."""
    return by_hour(spec, lake.list_prefix(spec.landing_hour_prefix(hour))).get(hour, ())


def list_day(lake: Lake, spec: StreamSpec, day: date) -> list[LandingObject]:
    """Whatever stands under the prefix of the day, strays too, in key order."""
    return lake.list_prefix(spec.landing_day_prefix(day))


def days_with_objects(lake: Lake, spec: StreamSpec) -> list[date]:
    """Every day that has landing objects, oldest first."""
    if isinstance(spec.layout, HourFolders):
        return _days_with_folders(lake, spec)
    hours = by_hour(spec, lake.list_prefix(f"{spec.landing_prefix}/"))
    return sorted({hour.start.date() for hour in hours})


def by_hour(spec: StreamSpec, objects: Iterable[LandingObject]) -> LandedHours:
    """Groups objects by the hour in their key; those whose key says none belong to no partition."""
    grouped: dict[LandingHour, list[LandingObject]] = {}
    for landed in objects:
        hour = spec.landing_hour_of(landed.key)
        if hour is not None:
            grouped.setdefault(hour, []).append(landed)
    return {hour: tuple(found) for hour, found in sorted(grouped.items())}


def strays(lake: Lake, spec: StreamSpec, years: range) -> list[str]:
    """What stands under the source's prefix and in no day of these years: folders, or keys where there are none."""
    prefix = f"{spec.landing_prefix}/"
    if isinstance(spec.layout, HourFolders):
        names = [folder.removeprefix(prefix).strip("/") for folder in lake.list_folders(prefix)]
        return [f"{prefix}{n}/" for n in names if not (n.isdecimal() and int(n) in years)]
    return [o.key for o in lake.list_prefix(prefix) if not _in_years(spec.landing_hour_of(o.key), years)]


def _in_years(hour: LandingHour | None, years: range) -> bool:
    return hour is not None and hour.start.year in years


def _days_with_folders(lake: Lake, spec: StreamSpec) -> list[date]:
    """Found by walking year, month, day."""
    folders = [f"{spec.landing_prefix}/"]
    for _ in range(3):
        folders = [inner for folder in folders for inner in lake.list_folders(folder)]
    days: list[date] = []
    for folder in folders:
        parts = folder.removeprefix(f"{spec.landing_prefix}/").strip("/").split("/")
        if all(part.isdecimal() and part.isascii() for part in parts):
            try:
                days.append(date(*(int(part) for part in parts)))
            except ValueError:
                continue
    return sorted(set(days))
