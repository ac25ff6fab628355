"""Landing: what Firehose delivered. Listing only; nothing is read."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from weblogs_platform.clients.lake import Lake
from weblogs_platform.core.errors import InvalidName
from weblogs_platform.core.keys import LandingObject
from weblogs_platform.core.partitions import LandingHour
from weblogs_platform.core.spec import StreamSpec

LandedHours = dict[LandingHour, tuple[LandingObject, ...]]


def list_hour(lake: Lake, spec: StreamSpec, hour: LandingHour) -> tuple[LandingObject, ...]:
    """The objects of one hour in key order; empty when none landed."""
    return tuple(lake.list_prefix(spec.landing_hour_prefix(hour)))


def days_with_objects(lake: Lake, spec: StreamSpec) -> list[date]:
    """Every day that has a folder under the stream's prefix, oldest first; found by walking year, month, day."""
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


def by_hour(spec: StreamSpec, objects: Iterable[LandingObject]) -> LandedHours:
    """Groups objects by the hour in their key; objects outside an hour folder belong to no partition."""
    grouped: dict[LandingHour, list[LandingObject]] = {}
    for landed in objects:
        path = landed.key.removeprefix(f"{spec.landing_prefix}/")[: len("YYYY/MM/DD/HH/")]
        try:
            hour = LandingHour.from_path(path.removesuffix("/")) if path.endswith("/") else None
        except InvalidName:
            hour = None
        if hour is not None:
            grouped.setdefault(hour, []).append(landed)
    return {hour: tuple(found) for hour, found in sorted(grouped.items())}
