"""Past hours: what Firehose would have delivered in them.

A visit that starts in one hour may arrive in the next, so the hour before the first one is modelled too.
Every hour draws from generators derived from (seed, stream, hour), and buffers are cut at the full hour:
hours generated one by one, or together, or in another process, are the same objects. A real Firehose lets a
buffer run over the hour; `live` does.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from random import Random

from weblogs_platform.core.errors import InvalidName
from weblogs_platform.core.partitions import LandingHour
from weblogs_platform.core.spec import StreamSpec
from weblogs_platform.local.traffic import interactions, web_logs
from weblogs_platform.local.traffic.faults import FaultInjector, FaultShares
from weblogs_platform.local.traffic.firehose import (
    HOUR_US,
    SECOND_US,
    Buffer,
    DeliveredObject,
    Delivery,
    hour_start_us,
)
from weblogs_platform.local.traffic.model import Population, intensity, rng_for, visit_starts
from weblogs_platform.local.traffic.record import Record
from weblogs_platform.streams import CUSTOMER_INTERACTIONS, WEB_LOGS

STEP_US = 60 * SECOND_US
"""Records are put in order minute by minute, so that memory holds the visits under way and not the hour."""

Visit = Callable[[Random, int, int, Population], list[Record]]


@dataclass(frozen=True)
class Producer:
    """What makes a stream's records: the visit, and how many events it has on average."""

    visit: Visit
    mean_events: float


PRODUCERS: Mapping[str, Producer] = {
    WEB_LOGS.name: Producer(web_logs.visit, web_logs.MEAN_EVENTS),
    CUSTOMER_INTERACTIONS.name: Producer(interactions.visit, interactions.MEAN_EVENTS),
}


@dataclass(frozen=True, kw_only=True)
class TrafficPlan:
    """One stream's traffic. `rate` is events an hour, averaged over a week; `curve` gives days and weeks
    their shape.

    Raises InvalidName for a stream nobody produces, or a rate that is not a positive number.
    """

    stream: StreamSpec
    rate: float
    seed: int = 1
    curve: bool = True
    shares: FaultShares = field(default_factory=FaultShares)
    delivery: Delivery = field(default_factory=Delivery)

    def __post_init__(self) -> None:
        if self.stream.name not in PRODUCERS:
            raise InvalidName(
                f"no traffic for stream {self.stream.name!r}; there is for: {', '.join(PRODUCERS)}"
            )
        if not (math.isfinite(self.rate) and self.rate > 0):
            raise InvalidName(f"the rate is a positive number of events an hour, got {self.rate}")


def generate_history(plan: TrafficPlan, first: LandingHour, hours: int) -> Iterator[DeliveredObject]:
    """The objects of `hours` hours from `first` on, in order of delivery, one at a time."""
    buffer = Buffer(plan.stream, plan.delivery)
    end_us = hour_start_us(first) + hours * HOUR_US
    for until_us, records in arrivals(plan, first) if hours > 0 else ():
        for record in records:
            if done := buffer.add(record):
                yield done
        if until_us % HOUR_US == 0:
            yield from buffer.drain()
        if until_us >= end_us:
            return


def arrivals(
    plan: TrafficPlan, first: LandingHour, *, look_back: bool = True, since_us: int = 0
) -> Iterator[tuple[int, list[Record]]]:
    """(until, records) from `first` on, without end: what arrives before `until`, a minute a time, in order.

    Without `look_back` nothing is left over from the hour before. Visits that start before `since_us` are
    left out, which saves their making, and makes the later ones of their hour others than without it.
    """
    begin_us = hour_start_us(first)
    start = first.plus(-1) if look_back else first
    until_us = hour_start_us(start) + STEP_US
    under_way: list[Record] = []
    for start_us, records in _visits(plan, start, since_us):
        while start_us >= until_us:
            arrived, under_way = _split(under_way, until_us)
            if until_us > begin_us:
                yield until_us, arrived
            until_us += STEP_US
        under_way += records


def _split(records: list[Record], until_us: int) -> tuple[list[Record], list[Record]]:
    records.sort()
    at = bisect_left(records, (until_us,))
    return records[:at], records[at:]


def _visits(plan: TrafficPlan, hour: LandingHour, since_us: int) -> Iterator[tuple[int, list[Record]]]:
    """(start, records) of visits in order of their starts, hour after hour."""
    producer = PRODUCERS[plan.stream.name]
    people = Population(plan.seed)
    injector = FaultInjector(plan.stream, plan.shares)
    while True:
        rng = rng_for(plan.seed, plan.stream.name, hour.path)
        faults = rng_for(plan.seed, plan.stream.name, hour.path, "faults")
        events = plan.rate * (intensity(hour) if plan.curve else 1.0)
        for start_us in visit_starts(rng, hour, events / producer.mean_events):
            if start_us < since_us:
                continue
            late_us = injector.late_us(faults)
            yield start_us, injector.inject(faults, producer.visit(rng, start_us, late_us, people))
        hour = hour.plus(1)
        yield hour_start_us(hour), []
