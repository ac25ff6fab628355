"""The hours of the shared warehouse, by who may use them: test files run in one process, in any order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from weblogs_platform.core.partitions import LandingHour


@dataclass(frozen=True)
class Share:
    """A stretch of hours, handed out in steps of `hours`."""

    first: str
    end: str
    hours: int

    def starts(self) -> Iterator[LandingHour]:
        """First hours of what was not handed out yet. Raises AssertionError when nothing is left."""
        at, end = LandingHour.from_argument(self.first), LandingHour.from_argument(self.end)
        while at < end:
            yield at
            at = at.plus(self.hours)
        raise AssertionError(f"no hours are left of {self}: give it more in {__name__}")


DUPLICATES = Share("2015-06-01", "2016-01-01", 100)
KPIS = Share("2016-01-01", "2020-01-01", 240)
# 2020 and 2021 are those of single tests, whose events happen there.
QUARANTINE = Share("2022-01-01", "2022-07-01", 1)
ASSETS = Share("2022-07-01", "2024-01-01", 240)
PIPELINE = Share("2024-01-01", "2025-01-01", 1)
