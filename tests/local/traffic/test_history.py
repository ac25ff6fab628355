"""Generated history: the shape of objects, sameness, and that what it promises is what a reader finds."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import re
import subprocess
import sys
import tracemalloc
from collections import Counter
from pathlib import Path

import pytest

from weblogs_platform.core.errors import InvalidName
from weblogs_platform.core.framing import Framer
from weblogs_platform.core.partitions import LandingHour
from weblogs_platform.core.spec import StreamSpec
from weblogs_platform.core.validation import judge
from weblogs_platform.local.traffic.bench_set import bench_set
from weblogs_platform.local.traffic.faults import FaultShares
from weblogs_platform.local.traffic.firehose import DeliveredObject, Delivery, hour_start_us
from weblogs_platform.local.traffic.history import TrafficPlan, generate_history
from weblogs_platform.local.traffic.model import intensity
from weblogs_platform.local.traffic.record import FIREHOSE_FAULTS
from weblogs_platform.local.traffic.summary import TrafficSummary
from weblogs_platform.streams import CUSTOMER_INTERACTIONS, FIREHOSE_STREAMS, WEB_LOGS

HOUR = LandingHour.from_argument("2025-07-20T10")
FAULTY = FaultShares(null=0.05, malformed=0.05, mistyped=0.05, flat=0.05, duplicate=0.05, late=0.05)
KEY = re.compile(
    r"firehose/(?:web_redshift|customer_interactions)/(\d{4})/(\d\d)/(\d\d)/(\d\d)/"
    r"(?:weblogs-firehose-5|customer-interactions-firehose-1)-\1-\2-\3-\4-\d\d-\d\d-"
    r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}(?:\.gz)?"
)


def digest(objects: list[DeliveredObject]) -> str:
    return hashlib.sha256(b"".join(o.key.encode() + o.body for o in objects)).hexdigest()


def envelopes(objects: list[DeliveredObject]) -> list[dict]:
    return [json.loads(line) for o in objects for line in o.body.splitlines()]


def found_by_reader(delivered: DeliveredObject, spec: StreamSpec) -> Counter[str]:
    """What the platform's own exact reader makes of an object: good, or the kind of the first reason."""
    body = gzip.decompress(delivered.body) if delivered.key.endswith(".gz") else delivered.body
    text, at, found = body.decode("latin-1"), 0, Counter[str]()
    framer = Framer(spec.payload)
    while piece := framer.next_piece(text, at, final=True):
        at = piece.end
        if piece.problem:
            found["malformed"] += 1
            continue
        verdict = judge(body[piece.start : piece.end], spec)
        kind = "good" if verdict.good else verdict.reasons[0].split(":")[0]
        found["malformed" if kind == "invalid_utf8" else kind] += 1
    return found


@pytest.mark.parametrize("spec", FIREHOSE_STREAMS, ids=lambda s: s.name)
@pytest.mark.parametrize("newlines", [False, True], ids=["concatenated", "newlines"])
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_reader_finds_what_the_summary_expects(spec: StreamSpec, newlines: bool, packed: bool) -> None:
    """The expectation drifts from the bytes, or a broken record takes its neighbour with it."""
    delivery = Delivery(newlines=newlines, gzip=packed, buffer_bytes=200_000)
    plan = TrafficPlan(stream=spec, rate=4_000, curve=False, shares=FAULTY, delivery=delivery)
    for delivered in generate_history(plan, HOUR, 1):
        expected = TrafficSummary.of([delivered]).streams[spec.name]
        found = found_by_reader(delivered, spec)
        assert found.total() == expected.records
        assert found["good"] == expected.good
        assert found["malformed"] == expected.malformed
        assert found["null_required"] == expected.nulls
        assert (
            found.total() - found["good"] - found["malformed"] - found["null_required"] == expected.mistyped
        )


@pytest.mark.parametrize("spec", FIREHOSE_STREAMS, ids=lambda s: s.name)
def test_every_kind_of_fault_comes_up(spec: StreamSpec) -> None:
    """A fault that is never made leaves its handling untested everywhere."""
    plan = TrafficPlan(stream=spec, rate=8_000, shares=FAULTY)
    summary = TrafficSummary.of(generate_history(plan, HOUR, 1)).streams[spec.name]
    kinds = set(FIREHOSE_FAULTS) - ({"out_of_range"} if spec is WEB_LOGS else set())
    assert set(summary.faults) == kinds
    assert summary.records == summary.good + summary.bad
    assert summary.bad == summary.nulls + summary.malformed + summary.mistyped
    for part in (summary.nulls, summary.malformed, summary.mistyped, summary.flat, summary.duplicates):
        assert part / summary.records == pytest.approx(0.05, rel=0.2)
    assert summary.late / summary.records == pytest.approx(0.05, rel=0.4)


@pytest.mark.parametrize("spec", FIREHOSE_STREAMS, ids=lambda s: s.name)
def test_hours_alone_and_together_are_the_same_objects(spec: StreamSpec) -> None:
    """A re-run of one hour writes other objects beside the first ones, and its rows double."""
    plan = TrafficPlan(stream=spec, rate=2_000, shares=FAULTY)
    together = list(generate_history(plan, HOUR, 3))
    alone = [o for n in range(3) for o in generate_history(plan, HOUR.plus(n), 1)]
    assert together == alone
    assert len({o.key for o in together}) == len(together)


def test_same_bytes_in_another_process() -> None:
    """A set's order, or the process's hash seed, leaks into what is generated."""
    plan = TrafficPlan(stream=CUSTOMER_INTERACTIONS, rate=500, shares=FAULTY)
    code = (
        "from tests.local.traffic.test_history import *\n"
        "plan = TrafficPlan(stream=CUSTOMER_INTERACTIONS, rate=500, shares=FAULTY)\n"
        "print(digest(list(generate_history(plan, HOUR, 1))))"
    )
    environ = {**os.environ, "PYTHONHASHSEED": "4711", "PYTHONPATH": str(Path.cwd())}
    other = subprocess.run(
        [sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True
    )
    assert other.stdout.strip() == digest(list(generate_history(plan, HOUR, 1)))


def test_another_seed_is_other_traffic() -> None:
    """The seed is dropped on the way to the generators."""
    one, two = (TrafficPlan(stream=WEB_LOGS, rate=200, seed=seed) for seed in (1, 2))
    assert not {o.key for o in generate_history(one, HOUR, 1)} & {
        o.key for o in generate_history(two, HOUR, 1)
    }


@pytest.mark.parametrize("spec", FIREHOSE_STREAMS, ids=lambda s: s.name)
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_keys_are_firehoses(spec: StreamSpec, packed: bool) -> None:
    """An object under the wrong hour, or with a name that no Firehose gives."""
    plan = TrafficPlan(stream=spec, rate=3_000, delivery=Delivery(gzip=packed))
    objects = list(generate_history(plan, HOUR.plus(13), 2))
    for delivered in objects:
        assert KEY.fullmatch(delivered.key), delivered.key
        assert delivered.key.endswith(".gz") == packed
        assert delivered.body.startswith(b"\x1f\x8b" if packed else b"{")
    hours = {o.key.removeprefix(spec.landing_prefix + "/")[:13] for o in objects}
    assert hours == {"2025/07/20/23", "2025/07/21/00"}


def test_records_have_the_documented_shape() -> None:
    """A member is renamed, reordered or gets another type."""
    plan = TrafficPlan(stream=WEB_LOGS, rate=2_000, delivery=Delivery(newlines=True))
    records = envelopes(list(generate_history(plan, HOUR, 1)))
    for record in records:
        payload = record["payload"]
        assert list(record) == ["timestamp", "payload"]
        assert re.fullmatch(r"2025-07-20T(?:09|10):\d\d:\d\d\.\d{6}", record["timestamp"])
        assert list(payload) == [
            *("event_type", "browser", "device_type", "page", "user_id", "session_id", "timestamp")
        ]
        assert payload["event_type"] in {"Click", "View", "Scroll"}
        assert payload["browser"] in {"Chrome", "Firefox", "Edge", "Safari"}
        assert payload["device_type"] in {"Desktop", "Mobile", "Tablet"}
        assert 1139 <= payload["user_id"] <= 9343
        assert not payload["page"].startswith("/")
        assert isinstance(payload["timestamp"], float)


def test_visits_are_visits() -> None:
    """Sessions fall apart into single events, or a person changes the device from page to page."""
    plan = TrafficPlan(stream=WEB_LOGS, rate=5_000, delivery=Delivery(newlines=True))
    sessions: dict[str, list[dict]] = {}
    for record in envelopes(list(generate_history(plan, HOUR, 3))):
        sessions.setdefault(record["payload"]["session_id"], []).append(record["payload"])
    agents: dict[int, set[tuple[str, str]]] = {}
    for events in sessions.values():
        assert len({e["user_id"] for e in events}) == 1
        for event in events:
            agents.setdefault(event["user_id"], set()).add((event["browser"], event["device_type"]))
        assert len({event["timestamp"] for event in events}) == len(events)
    assert all(len(kinds) == 1 for kinds in agents.values())
    mean_events = sum(map(len, sessions.values())) / len(sessions)
    assert 4.5 < mean_events < 6
    assert 0.2 < sum(len(events) == 1 for events in sessions.values()) / len(sessions) < 0.4
    assert len(sessions) > 1.2 * len(agents), "some people return"
    pages = Counter(e["page"] for events in sessions.values() for e in events)
    assert sum(count for _, count in pages.most_common(10)) > 0.3 * pages.total()


def test_interactions_are_plausible() -> None:
    """Ratings no longer depend on the kind, or the awkward values (null, long, not ASCII) are gone."""
    plan = TrafficPlan(stream=CUSTOMER_INTERACTIONS, rate=6_000, delivery=Delivery(newlines=True))
    payloads = [r["payload"] for r in envelopes(list(generate_history(plan, HOUR, 1)))]

    def mean_rating(kind: str) -> float:
        ratings = [p["rating"] for p in payloads if p["interaction_type"] == kind and p["rating"]]
        return sum(ratings) / len(ratings)

    assert mean_rating("Complaint") < 2
    assert mean_rating("Feedback") > 3.5
    for name in ("channel", "rating", "message_excerpt"):
        assert 0.01 < sum(p[name] is None for p in payloads) / len(payloads) < 0.5
    excerpts = [p["message_excerpt"].encode() for p in payloads if p["message_excerpt"]]
    assert 0.001 < sum(len(e) > 255 for e in excerpts) / len(excerpts) < 0.02
    assert any(not e.isascii() for e in excerpts)


def test_rate_follows_the_day() -> None:
    """The rate no longer means events an hour, or night and evening look alike."""
    assert sum(intensity(HOUR.plus(n)) for n in range(24 * 7)) / (24 * 7) == pytest.approx(1)
    night, evening = LandingHour.from_argument("2025-07-22T03"), LandingHour.from_argument("2025-07-22T20")
    counts = {
        hour: TrafficSummary.of(generate_history(TrafficPlan(stream=WEB_LOGS, rate=5_000), hour, 1))
        .streams["web_logs"]
        .records
        for hour in (night, evening)
    }
    for hour, count in counts.items():
        assert count == pytest.approx(5_000 * intensity(hour), rel=0.15)
    assert counts[evening] > 5 * counts[night]


def test_late_and_repeated_records() -> None:
    """Late records carry a fresh event time, or second copies differ or always share the first one's
    object."""
    shares = FaultShares(late=0.1, duplicate=0.1)
    delivery = Delivery(newlines=True, buffer_seconds=60)
    plan = TrafficPlan(stream=WEB_LOGS, rate=3_000, shares=shares, delivery=delivery)
    objects = list(generate_history(plan, HOUR, 2))
    expected = TrafficSummary.of(objects).streams["web_logs"]
    before = hour_start_us(HOUR) / 1e6
    late = [r for r in envelopes(objects) if r["payload"]["timestamp"] < before - 1800]
    assert len(late) == pytest.approx(expected.late, rel=0.1)
    assert all(r["timestamp"] >= "2025-07-20T09:4" for r in late), "taken in at the time of delivery"
    places: dict[bytes, list[int]] = {}
    for number, delivered in enumerate(objects):
        for line in delivered.body.splitlines():
            places.setdefault(line, []).append(number)
    repeated = [numbers for numbers in places.values() if len(numbers) == 2]
    assert len(repeated) == pytest.approx(expected.duplicates, rel=0.1)
    assert any(first != second for first, second in repeated)


def test_memory_does_not_grow_with_the_hour() -> None:
    """The hour is held in memory before it is delivered. (3 MB are the population, whatever the rate.)"""
    delivery = Delivery(buffer_bytes=256 * 1024)
    plan = TrafficPlan(stream=WEB_LOGS, rate=40_000, delivery=delivery, curve=False)
    tracemalloc.start()
    try:
        size = sum(len(delivered.body) for delivered in generate_history(plan, HOUR, 1))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert size > 9_500_000
    assert peak < 6_000_000


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_bench_set_has_the_size_asked_for(packed: bool) -> None:
    """Runs are measured on sets of another size than the report says."""
    objects = list(bench_set(total_bytes=3_000_000, objects=12, gzip=packed))
    summary = TrafficSummary.of(objects).streams["web_logs"]
    assert len(objects) == 12
    assert all(249_000 < o.record_bytes <= 250_000 for o in objects)
    assert {o.key.rsplit("/", 1)[0] for o in objects} == {"firehose/web_redshift/2025/07/20/10"}
    assert summary.bad / summary.records == pytest.approx(0.02, rel=0.25)
    assert digest(objects) == digest(list(bench_set(total_bytes=3_000_000, objects=12, gzip=packed)))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: FaultShares(null=0.7, malformed=0.4), "more than 1"),
        (lambda: FaultShares(late=1.5), "late share"),
        (lambda: FaultShares(flat=float("nan")), "flat share"),
        (lambda: TrafficPlan(stream=WEB_LOGS, rate=0), "rate"),
        (lambda: TrafficPlan(stream=WEB_LOGS, rate=float("inf")), "rate"),
        (lambda: Delivery(buffer_bytes=0), "buffer bytes"),
        (lambda: Delivery(buffer_seconds=901), "buffer seconds"),
        (lambda: bench_set(total_bytes=1000, objects=2), "4096"),
    ],
)
def test_contradictory_options_are_refused(wrong, message: str) -> None:
    """A wrong option makes quietly other traffic."""
    with pytest.raises(InvalidName, match=message):
        wrong()
