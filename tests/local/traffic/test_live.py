"""Live mode against a clock of the test's own."""

from __future__ import annotations

import json

from weblogs_platform.core.partitions import LandingHour
from weblogs_platform.local.traffic.firehose import SECOND_US, DeliveredObject, Delivery, hour_start_us
from weblogs_platform.local.traffic.history import TrafficPlan
from weblogs_platform.local.traffic.live import live_objects
from weblogs_platform.streams import FIREHOSE_STREAMS, WEB_LOGS

BEGIN_US = hour_start_us(LandingHour.from_argument("2025-07-20T10")) + 1790 * SECOND_US


class Clock:
    """Time passes only by waiting; `stop_us` is when somebody presses Ctrl-C."""

    def __init__(self, stop_us: int | None = None) -> None:
        self.now_us = BEGIN_US
        self.stop_us = stop_us

    def __call__(self) -> int:
        return self.now_us

    def wait(self, secs: float) -> bool:
        assert secs >= 0
        self.now_us += round(secs * SECOND_US)
        return self.stop_us is not None and self.now_us >= self.stop_us


def arrival_times(delivered: DeliveredObject) -> list[str]:
    return [json.loads(line)["timestamp"] for line in delivered.body.splitlines()]


def test_objects_come_when_they_are_due() -> None:
    """A buffer waits for its next record instead of the clock, so that quiet streams deliver nothing."""
    clock = Clock()
    delivery = Delivery(newlines=True, buffer_seconds=20)
    plan = TrafficPlan(stream=WEB_LOGS, rate=60, delivery=delivery)
    objects = []
    for delivered in live_objects([plan], clock=clock, wait=clock.wait, duration_secs=1200):
        objects.append(delivered)
        first = delivered.key.split("weblogs-firehose-5-")[1][:19]
        age_secs = (clock.now_us - BEGIN_US) / SECOND_US - (_secs(first) - (BEGIN_US / SECOND_US))
        assert age_secs <= 21
    assert len(objects) > 5
    assert clock.now_us == BEGIN_US + 1200 * SECOND_US
    assert min(t for o in objects for t in arrival_times(o)) >= "2025-07-20T10:29:4"
    assert max(t for o in objects for t in arrival_times(o)) < "2025-07-20T10:49:50"


def test_stopping_delivers_what_is_buffered() -> None:
    """Ctrl-C loses the records that had arrived."""
    clock = Clock(stop_us=BEGIN_US + 100 * SECOND_US)
    plans = [
        TrafficPlan(stream=spec, rate=3000, delivery=Delivery(newlines=True)) for spec in FIREHOSE_STREAMS
    ]
    objects = list(live_objects(plans, clock=clock, wait=clock.wait))
    assert {o.stream for o in objects} == {spec.name for spec in FIREHOSE_STREAMS}
    assert all(max(arrival_times(o)) > "2025-07-20T10:31:1" for o in objects), "up to the last seconds"
    assert clock.now_us < BEGIN_US + 110 * SECOND_US


def _secs(text: str) -> float:
    year, month, day, hour, minute, second = map(int, text.split("-"))
    start = LandingHour.from_path(f"{year}/{month:02d}/{day:02d}/{hour:02d}")
    return hour_start_us(start) / SECOND_US + minute * 60 + second
