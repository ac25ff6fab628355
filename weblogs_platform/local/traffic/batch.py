"""Which batch files land when: the tills' receipts and the hourly inventory of one simulated shop.

- Inventory lands every hour, 2 to 4 minutes after it, and holds every shelf as it was read just before.
- POS lands 15 to 25 minutes after the end of a period and holds what was sold in it. A period is a day; with
  `pos_every_hours` it is a part of a day, so that a window of hours that ends now has the sales of now.
- A late file follows the share of the files that are said to have one, 2 to 9 hours after their period. It
  holds what one store or warehouse could not deliver in time, and corrections of what others had delivered.

A file depends on its period, the seed and the options alone: windows generated one by one, or together, are
the same files. A window has the files that *land* in it, also those about the hours before it.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from random import Random

from weblogs_platform.core.errors import InvalidName
from weblogs_platform.core.partitions import LandingHour
from weblogs_platform.local.traffic.batch_files import BatchFile, batch_file
from weblogs_platform.local.traffic.batch_rows import (
    INVENTORY,
    POS,
    BatchShares,
    Row,
    Source,
    deliver,
    sale_row,
    stock_row,
)
from weblogs_platform.local.traffic.firehose import HOUR_US, SECOND_US, DeliveredObject, hour_start_us
from weblogs_platform.local.traffic.model import rng_for
from weblogs_platform.local.traffic.shop import Sale, Shop, ShopHour, shop_hours

SOURCES = (POS.name, INVENTORY.name)

_LATE_HOURS = range(2, 10)
_LATE_MINUTES = 2
"""Files as late as each other land within so many minutes of an hour, and those of another lateness in others:
no two files have the same name."""
_LATEST_LANDING_HOURS = 24 + _LATE_HOURS.stop
"""No file lands longer than that after the first hour that it is about."""


@dataclass(frozen=True)
class Timing:
    """After the end of its period, in minutes: when a file lands, from and to; when a late one does, beside
    its full hours."""

    lands: tuple[int, int]
    late: int


_TIMINGS = {POS.name: Timing((15, 25), 40), INVENTORY.name: Timing((2, 4), 10)}


@dataclass(frozen=True, kw_only=True)
class BatchPlan:
    """The batch files of one shop. Raises InvalidName for a POS period that does not divide the day, or
    for a source that no shop has."""

    shop: Shop = field(default_factory=Shop)
    sources: tuple[str, ...] = SOURCES
    pos_every_hours: int = 24
    shares: BatchShares = field(default_factory=BatchShares)
    gzip: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.pos_every_hours <= 24 or 24 % self.pos_every_hours:
            raise InvalidName(
                f"POS files come every 1, 2, 3, 4, 6, 8, 12 or 24 hours, got {self.pos_every_hours}"
            )
        if not self.sources or not set(self.sources) <= set(SOURCES):
            raise InvalidName(f"batch sources are {', '.join(SOURCES)}, got {', '.join(self.sources)}")


def generate_batch(plan: BatchPlan, first: LandingHour, hours: int) -> Iterator[DeliveredObject]:
    """The files that land in `hours` hours from `first` on, in order of their landing."""
    end_us = hour_start_us(first) + hours * HOUR_US
    for file in batch_files(plan, first) if hours > 0 else ():
        if file.at_us >= end_us:
            return
        yield file.delivered


def batch_files(plan: BatchPlan, first: LandingHour) -> Iterator[BatchFile]:
    """The files that land from `first` on, in order of their landing, without end."""
    begin_us = hour_start_us(first)
    ready: list[BatchFile] = []
    sales: list[Sale] = []
    for happened in shop_hours(plan.shop, _since(first)):
        start_us = hour_start_us(happened.hour)
        sales += happened.sales
        for file in _inventory(plan, happened, begin_us):
            heapq.heappush(ready, file)
        if (happened.hour.start.hour + 1) % plan.pos_every_hours == 0:
            for file in _pos(plan, sales, start_us + HOUR_US, begin_us):
                heapq.heappush(ready, file)
            sales = []
        while ready and ready[0].at_us < start_us + HOUR_US:
            file = heapq.heappop(ready)
            if file.at_us >= begin_us:
                yield file


def _since(first: LandingHour) -> LandingHour:
    """The first hour of a POS period that a file landing at `first` may be about."""
    earliest = first.plus(-_LATEST_LANDING_HOURS)
    return earliest.plus(-earliest.start.hour)


def _inventory(plan: BatchPlan, happened: ShopHour, begin_us: int) -> Iterator[BatchFile]:
    rows = map(stock_row, happened.snapshot)
    of_one = "warehouse_id", plan.shop.warehouses
    return _files(plan, INVENTORY, rows, of_one, hour_start_us(happened.hour), begin_us)


def _pos(plan: BatchPlan, sales: Sequence[Sale], end_us: int, begin_us: int) -> Iterator[BatchFile]:
    return _files(plan, POS, map(sale_row, sales), ("store_id", plan.shop.stores), end_us, begin_us)


def _files(
    plan: BatchPlan,
    source: Source,
    rows: Iterable[Row],
    of_one: tuple[str, int],
    end_us: int,
    begin_us: int,
) -> Iterator[BatchFile]:
    """The file about the period that ends at `end_us`, and its late one; none when they all landed before
    `begin_us`. `of_one` is the member by which rows are held back, and how many values it has."""
    if source.name not in plan.sources or end_us + _LATE_HOURS.stop * HOUR_US < begin_us:
        return
    rng = rng_for(plan.shop.seed, source.name, end_us)
    at_us, late_at_us = _landings(_TIMINGS[source.name], end_us, rng)
    member, values = of_one
    held_back = 1 + int(rng.random() * values)
    is_late = rng.random() < plan.shares.late
    delivered = deliver(
        source, plan.shares, rng, rows, (lambda row: row[member] == held_back) if is_late else None
    )
    yield batch_file(source, delivered.lines, at_us, shares=plan.shares, rng=rng, gzip=plan.gzip)
    if delivered.later:
        yield batch_file(source, delivered.later, late_at_us, shares=plan.shares, rng=rng, gzip=plan.gzip)


def _landings(timing: Timing, end_us: int, rng: Random) -> tuple[int, int]:
    """When the file and its late one land."""
    earliest, latest = timing.lands
    at_us = end_us + int((earliest + (latest - earliest) * rng.random()) * 60) * SECOND_US
    late_hours = _LATE_HOURS[int(rng.random() * len(_LATE_HOURS))]
    late_secs = 60 * (timing.late + _LATE_MINUTES * (late_hours - _LATE_HOURS.start + rng.random()))
    return at_us, end_us + late_hours * HOUR_US + int(late_secs) * SECOND_US
