"""Traffic in real time: records arrive when the clock says so, buffers are delivered when they are full or
due.

The clock and the waiting are given by the caller. Stopping, by the caller or at the end, delivers what is
buffered.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime

from weblogs_platform.core.partitions import LandingHour
from weblogs_platform.local.traffic.batch import BatchPlan, batch_files
from weblogs_platform.local.traffic.firehose import SECOND_US, Buffer, DeliveredObject
from weblogs_platform.local.traffic.history import TrafficPlan, arrivals
from weblogs_platform.local.traffic.record import Record

UNDER_WAY_US = 10 * 60 * SECOND_US
"""Visits that began so long before are under way at the start; making more of them would delay it."""

Clock = Callable[[], int]
"""The present time in microseconds since 1970 UTC."""

Wait = Callable[[float], bool]
"""Waits so many seconds, or less: True means stop."""


def live_objects(
    plans: Sequence[TrafficPlan], *, clock: Clock, wait: Wait, duration_secs: float | None = None
) -> Iterator[DeliveredObject]:
    """The objects of all plans from now on, each as it is due; for `duration_secs`, or until `wait` says
    stop."""
    begin_us = clock()
    end_us = begin_us + int(duration_secs * SECOND_US) if duration_secs is not None else None
    buffers = [Buffer(plan.stream, plan.delivery) for plan in plans]
    feeds = [_from(plan, number, begin_us) for number, plan in enumerate(plans)]
    for record, number in heapq.merge(*feeds):
        arrival_us = record[0]
        while (now_us := clock()) < arrival_us and (end_us is None or now_us < end_us):
            yield from _deliver_due(buffers, now_us)
            if wait((_next_us(buffers, arrival_us, end_us) - now_us) / SECOND_US):
                end_us = now_us
        if wait(0) or (end_us is not None and arrival_us >= end_us):
            break
        if done := buffers[number].add(record):
            yield done
    for buffer in buffers:
        yield from buffer.drain()


def live_batch_files(
    plan: BatchPlan, *, clock: Clock, wait: Wait, duration_secs: float | None = None
) -> Iterator[DeliveredObject]:
    """The batch files that land from now on, each when its name says; until `wait` says stop, or for
    `duration_secs`."""
    begin_us = clock()
    end_us = begin_us + int(duration_secs * SECOND_US) if duration_secs is not None else None
    hour = LandingHour.containing(datetime.fromtimestamp(begin_us // SECOND_US, UTC))
    for file in batch_files(plan, hour):
        if file.at_us < begin_us:
            continue
        due_us = file.at_us if end_us is None else min(file.at_us, end_us)
        while (now_us := clock()) < due_us:
            if wait((due_us - now_us) / SECOND_US):
                return
        if due_us < file.at_us:
            return
        yield file.delivered


def _from(plan: TrafficPlan, number: int, begin_us: int) -> Iterator[tuple[Record, int]]:
    since_us = begin_us - UNDER_WAY_US
    hour = LandingHour.containing(datetime.fromtimestamp(since_us // SECOND_US, UTC))
    for until_us, records in arrivals(plan, hour, look_back=False, since_us=since_us):
        if until_us > begin_us:
            yield from ((record, number) for record in records if record[0] >= begin_us)


def _next_us(buffers: Sequence[Buffer], arrival_us: int, end_us: int | None) -> int:
    moments = [arrival_us, end_us, *(buffer.due_us for buffer in buffers)]
    return min(moment for moment in moments if moment is not None)


def _deliver_due(buffers: Sequence[Buffer], now_us: int) -> Iterator[DeliveredObject]:
    for buffer in buffers:
        if buffer.due_us is not None and buffer.due_us <= now_us and (done := buffer.flush()):
            yield done
