"""The landing hour: one UTC hour of a stream, in its three spellings (partition key, S3 path, SQL literal)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from weblogs_platform.core.errors import InvalidName

T = TypeVar("T")

PARTITION_FORMAT = "%Y-%m-%d-%H:%M"
"""Dagster's default key format for hourly partitions."""

_KEY = re.compile(r"(\d{4})-(\d{2})-(\d{2})-(\d{2}):00", re.ASCII)
_PATH = re.compile(r"(\d{4})/(\d{2})/(\d{2})/(\d{2})", re.ASCII)
_ARGUMENT = re.compile(r"(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2})(?::00(?::00)?)?)?Z?", re.ASCII)


@dataclass(frozen=True, order=True)
class LandingHour:
    """A UTC hour; `start` is its first instant, timezone-aware."""

    start: datetime

    def __post_init__(self) -> None:
        whole = self.start.replace(minute=0, second=0, microsecond=0)
        if self.start.tzinfo is not UTC or whole != self.start:
            raise InvalidName(f"a landing hour is a whole hour in UTC, got {self.start!r}")

    @classmethod
    def from_partition_key(cls, key: str) -> LandingHour:
        """Parses `2025-07-20-10:00`. Raises InvalidName."""
        return cls._parse(_KEY, key, "a partition key such as 2025-07-20-10:00")

    @classmethod
    def from_path(cls, path: str) -> LandingHour:
        """Parses `2025/07/20/10`. Raises InvalidName."""
        return cls._parse(_PATH, path, "an hour path such as 2025/07/20/10")

    @classmethod
    def from_argument(cls, text: str) -> LandingHour:
        """Parses what a person types: `2025-07-20T10`, `2025-07-20 10:00`, or `2025-07-20` (its first hour)."""
        return cls._parse(_ARGUMENT, text, "an hour such as 2025-07-20T10, in UTC")

    @classmethod
    def containing(cls, moment: datetime) -> LandingHour:
        """The hour that holds `moment` (timezone-aware)."""
        return cls(moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0, tzinfo=UTC))

    @classmethod
    def _parse(cls, pattern: re.Pattern[str], text: str, expected: str) -> LandingHour:
        match = pattern.fullmatch(text)
        try:
            if match:
                return cls(datetime(*(int(part or 0) for part in match.groups()), tzinfo=UTC))
        except ValueError:
            pass
        raise InvalidName(f"{text!r} is not {expected}")

    @property
    def partition_key(self) -> str:
        return self.start.strftime(PARTITION_FORMAT)

    @property
    def path(self) -> str:
        return self.start.strftime("%Y/%m/%d/%H")

    @property
    def sql(self) -> str:
        """The value as Redshift's TIMESTAMP text, `2025-07-20 10:00:00`."""
        return self.start.strftime("%Y-%m-%d %H:%M:%S")

    def plus(self, hours: int) -> LandingHour:
        return LandingHour(self.start + timedelta(hours=hours))

    def until(self, end: LandingHour) -> Iterator[LandingHour]:
        """The hours from this one up to, but not including, `end`."""
        hour = self
        while hour < end:
            yield hour
            hour = hour.plus(1)


def stretches(
    periods: Sequence[T], follows: Callable[[T, T], bool], limit: int | None = None
) -> list[list[T]]:
    """Splits sorted periods where one does not follow on the last, and after `limit` of them."""
    groups: list[list[T]] = []
    for period in periods:
        goes_on = groups and follows(groups[-1][-1], period) and (limit is None or len(groups[-1]) < limit)
        if goes_on:
            groups[-1].append(period)
        else:
            groups.append([period])
    return groups
