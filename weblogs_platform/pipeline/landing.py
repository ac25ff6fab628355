"""Landing: what Firehose and others delivered. Listing only; nothing is read."""

from __future__ import annotations

import re
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


def by_hour(spec: StreamSpec, objects: Iterable[LandingObject]) -> LandedHours:
    """Groups objects by the hour in their key; those whose key says none belong to no partition."""
    grouped: dict[LandingHour, list[LandingObject]] = {}
    for landed in objects:
        hour = spec.landing_hour_of(landed.key)
        if hour is not None:
            grouped.setdefault(hour, []).append(landed)
    return {hour: tuple(found) for hour, found in sorted(grouped.items())}


def landed_days(lake: Lake, spec: StreamSpec, years: range) -> tuple[list[date], list[str]]:
    """Every day of these years that has landing objects, oldest first; and what stands under the source's prefix and
    belongs to no such day: folders, or keys where there are none. Strays within a day are not looked for."""
    if isinstance(spec.layout, HourFolders):
        return _walked(lake, spec, years)
    objects = lake.list_prefix(f"{spec.landing_prefix}/")
    hours = {o.key: spec.landing_hour_of(o.key) for o in objects}
    days = {hour.start.date() for hour in hours.values() if hour and hour.start.year in years}
    return sorted(days), [key for key, hour in hours.items() if hour is None or hour.start.year not in years]


def _walked(lake: Lake, spec: StreamSpec, years: range) -> tuple[list[date], list[str]]:
    """By year, month and day, whose folders have to be named as Firehose names them: 2025/07/20."""
    prefix = f"{spec.landing_prefix}/"
    strays: list[str] = []
    level = [prefix]
    for digits, numbers in ((4, years), (2, range(100)), (2, range(100))):
        names = [name for folder in level for name in lake.list_names(folder)]
        level = [name for name in names if _number(name, digits) in numbers]
        strays += [name for name in names if _number(name, digits) not in numbers]
    days: list[date] = []
    for folder in level:
        try:
            days.append(date(*(int(part) for part in folder.removeprefix(prefix).strip("/").split("/"))))
        except ValueError:  # such as the 31st of February
            strays.append(folder)
    return sorted(days), sorted(strays)


def _number(name: str, digits: int) -> int | None:
    """The number that a folder is named by; None for other folders and for objects."""
    found = re.search(rf"(?:^|/)([0-9]{{{digits}}})/$", name)
    return int(found[1]) if found else None
