"""A data set of an exact size for measuring: so many objects of one hour, so many bytes, a share of them
bad."""

from __future__ import annotations

from collections.abc import Iterator

from weblogs_platform.core.errors import InvalidName
from weblogs_platform.core.partitions import LandingHour
from weblogs_platform.core.spec import StreamSpec
from weblogs_platform.local.traffic.faults import FaultShares
from weblogs_platform.local.traffic.firehose import Buffer, DeliveredObject, Delivery
from weblogs_platform.local.traffic.history import TrafficPlan, arrivals
from weblogs_platform.streams import WEB_LOGS

BENCH_HOUR = LandingHour.from_argument("2025-07-20T10")
SHORTEST_RECORD_BYTES = 170
"""No stream's average record is shorter: the rate that it leads to fills the hour more than once."""


def bench_set(
    *,
    total_bytes: int = 200_000_000,
    objects: int = 48,
    stream: StreamSpec = WEB_LOGS,
    hour: LandingHour = BENCH_HOUR,
    bad_share: float = 0.02,
    gzip: bool = False,
    newlines: bool = False,
    seed: int = 1,
) -> Iterator[DeliveredObject]:
    """`objects` objects of `total_bytes / objects` bytes each before gzip (short of it by less than a
    record).

    Half of the bad records have null fields, half are malformed. Raises InvalidName for a size no object
    can have.
    """
    if objects < 1 or total_bytes // objects < 4096:
        raise InvalidName(f"{total_bytes} bytes in {objects} objects: every object needs 4096 bytes or more")
    plan = TrafficPlan(
        stream=stream,
        rate=1.1 * total_bytes / SHORTEST_RECORD_BYTES,
        seed=seed,
        curve=False,
        shares=FaultShares(null=bad_share / 2, malformed=bad_share / 2),
        delivery=Delivery(
            gzip=gzip, newlines=newlines, buffer_bytes=total_bytes // objects, buffer_seconds=900
        ),
    )
    return _first(objects, plan, hour)


def _first(objects: int, plan: TrafficPlan, hour: LandingHour) -> Iterator[DeliveredObject]:
    buffer = Buffer(plan.stream, plan.delivery)
    for _, records in arrivals(plan, hour, look_back=False):
        for record in records:
            if done := buffer.add(record):
                yield done
                objects -= 1
                if not objects:
                    return
