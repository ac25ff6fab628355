"""POS and inventory files: names, dialects and shares, sameness, and that the latest deliveries add up."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import re
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.local.traffic.batch_reader import (
    INVENTORY_FIELDS,
    POS_FIELDS,
    Record,
    content,
    csv_lines,
    in_the_future,
    latest,
    records,
)
from weblogs_platform.core.errors import InvalidName
from weblogs_platform.core.partitions import LandingHour
from weblogs_platform.local.traffic.batch import BatchPlan, generate_batch
from weblogs_platform.local.traffic.batch_rows import BatchShares
from weblogs_platform.local.traffic.firehose import DeliveredObject
from weblogs_platform.local.traffic.live import live_batch_files
from weblogs_platform.local.traffic.record import BATCH_FAULTS, LATE
from weblogs_platform.local.traffic.shop import Shop, shop_hours
from weblogs_platform.local.traffic.summary import TrafficSummary

FIRST = LandingHour.from_argument("2025-07-22T00")
SHOP = Shop(products=40, stores=6, warehouses=3, sales_rate=90)
BAD = BatchShares(null=0.04, mistyped=0.04, negative=0.04, future=0.04, columns=0.04)
WILD = BatchShares(
    null=0.02,
    mistyped=0.02,
    negative=0.02,
    future=0.02,
    columns=0.02,
    duplicate=0.05,
    late=0.5,
    bom=0.5,
    crlf=0.5,
    quoted=0.5,
    reordered=0.5,
    extra_column=0.5,
    json_lines=0.5,
)
KEY = re.compile(r"(pos|inventory)/\1_(\d{8}_\d{6})\.(csv|json)(\.gz)?")
DELIVERED_AGAIN = BatchShares(duplicate=0.2, late=0.6, reordered=0.5, json_lines=0.5)


def files(plan: BatchPlan, hours: int, first: LandingHour = FIRST) -> list[DeliveredObject]:
    return list(generate_batch(plan, first, hours))


def of(source: str, delivered: list[DeliveredObject]) -> list[DeliveredObject]:
    return [item for item in delivered if item.stream == source]


def landed_at(delivered: DeliveredObject) -> datetime:
    match = KEY.fullmatch(delivered.key)
    assert match, delivered.key
    return datetime.strptime(match[2], "%Y%m%d_%H%M%S").replace(tzinfo=UTC)


def digest(delivered: list[DeliveredObject]) -> str:
    return hashlib.sha256(b"".join(item.key.encode() + item.body for item in delivered)).hexdigest()


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_names_and_when_files_land(packed: bool) -> None:
    """A file under a name that no shop gives, or that lands before what it is about has happened."""
    delivered = files(BatchPlan(shop=SHOP, pos_every_hours=6, gzip=packed), 24)
    pos, inventory = of("pos", delivered), of("inventory", delivered)
    assert [landed_at(item).hour for item in inventory] == list(range(24))
    assert [landed_at(item).hour for item in pos] == [0, 6, 12, 18]
    assert all(2 <= landed_at(item).minute < 4 for item in inventory)
    assert all(15 <= landed_at(item).minute < 25 for item in pos)
    assert [landed_at(item) for item in delivered] == sorted(landed_at(item) for item in delivered)
    for item in delivered:
        assert item.key.endswith(".csv" if item.stream == "pos" else ".json") != packed
        for record in records(item):
            moment = record["timestamp" if item.stream == "pos" else "last_updated"]
            assert moment < landed_at(item).timestamp()
    for item, start in zip(pos, (FIRST.start + timedelta(hours=n) for n in (-6, 0, 6, 12)), strict=True):
        seconds = {record["timestamp"] for record in records(item)}
        assert start.timestamp() <= min(seconds) <= max(seconds) < start.timestamp() + 6 * 3600


def test_a_day_has_one_pos_file_about_the_day_before() -> None:
    """The daily file lands in the day that it is about, when half of it has not happened yet."""
    pos = of("pos", files(BatchPlan(shop=SHOP), 48))
    assert [landed_at(item).day for item in pos] == [22, 23]
    days = [{datetime.fromtimestamp(r["timestamp"], UTC).day for r in records(item)} for item in pos]
    assert days == [{21}, {22}]


def test_records_have_the_documented_shape() -> None:
    """A member is renamed, reordered or gets another type."""
    delivered = files(BatchPlan(shop=SHOP, pos_every_hours=4), 8)
    for item in of("pos", delivered):
        header, lines = csv_lines(item)
        assert header == list(POS_FIELDS)
        assert lines
        for line in lines:
            assert re.fullmatch(
                r"[0-9a-f-]{36},\d+,\d+,\d,\d+\.\d\d,(\d+\.\d\d)?,\d{10}\.\d+", ",".join(line)
            )
    for item in of("inventory", delivered):
        listed = json.loads(content(item))
        assert len(listed) == SHOP.products * SHOP.warehouses
        for record in listed:
            assert list(record) == list(INVENTORY_FIELDS)
            assert isinstance(record["last_updated"], float)
            assert isinstance(record["stock_level"], int)


def test_the_latest_deliveries_are_what_the_shop_did() -> None:
    """Rows that are delivered twice, held back or corrected end up wrong, twice or nowhere."""
    plan = BatchPlan(shop=SHOP, pos_every_hours=6, shares=DELIVERED_AGAIN)
    delivered = files(plan, 72)
    begin, end = FIRST.plus(12), FIRST.plus(48)  # whole periods whose late files have landed, too
    really = [h for h in itertools.islice(shop_hours(SHOP, FIRST), 72) if begin <= h.hour < end]
    sold = {
        sale.transaction_id: (sale.store_id, sale.product_id, sale.quantity, sale.revenue_cents)
        for hour in really
        for sale in hour.sales
    }
    found = {
        record["transaction_id"]: (
            *(record[name] for name in ("store_id", "product_id", "quantity")),
            round(record["revenue"] * 100),
        )
        for record in latest(of("pos", delivered), ("transaction_id",)).values()
        if begin.start.timestamp() <= record["timestamp"] < end.start.timestamp()
    }
    assert found == sold
    levels = {
        (level.inventory_id, level.at_us / 1e6): level.stock_level
        for hour in really
        for level in hour.snapshot
    }
    read = {
        key: record["stock_level"]
        for key, record in latest(of("inventory", delivered), ("inventory_id", "last_updated")).items()
        if begin.start.timestamp() <= key[1] < end.start.timestamp()
    }
    assert read == levels


def test_files_alone_show_that_stock_is_conserved() -> None:
    """The sales of the POS files are not those that the inventory files say have left."""
    delivered = files(BatchPlan(shop=SHOP, pos_every_hours=1), 30)
    sales = list(latest(of("pos", delivered), ("transaction_id",)).values())
    restocked = Counter[tuple[int, int]]()
    for hour in itertools.islice(shop_hours(SHOP, FIRST), 30):
        for restock in hour.restocks:
            restocked[restock.product_id, restock.warehouse_id] += restock.units
    snapshots: dict[tuple[int, int], list[Record]] = {}
    for item in of("inventory", delivered):
        for record in records(item):
            snapshots.setdefault((record["product_id"], record["warehouse_id"]), []).append(record)
    arrived = Counter[tuple[int, int]]()
    for shelf, readings in snapshots.items():
        for before, after in itertools.pairwise(readings):
            left = sum(
                sale["quantity"]
                for sale in sales
                if (sale["product_id"], SHOP.warehouse_of(sale["store_id"])) == shelf
                and before["last_updated"] < sale["timestamp"] <= after["last_updated"]
            )
            units = after["stock_level"] - before["stock_level"] + left
            assert units >= 0
            arrived[shelf] += units
    assert sum(arrived.values()) > 0
    assert all(arrived[shelf] <= restocked[shelf] for shelf in snapshots)


def test_late_files_have_the_rest_and_corrections() -> None:
    """A late file repeats all of the first one, or nothing comes late."""
    plan = BatchPlan(shop=SHOP, pos_every_hours=12, shares=BatchShares(late=1.0))
    delivered = files(plan, 48, FIRST.plus(12))
    for source, member in (("pos", "store_id"), ("inventory", "warehouse_id")):
        late = [item for item in of(source, delivered) if item.tally[LATE]]
        assert late
        for item in late:
            about = records(item)
            (rest,) = (value for value, n in Counter(r[member] for r in about).items() if n > len(about) / 2)
            assert any(record[member] != rest for record in about), "corrections of others"
    summary = TrafficSummary.of(delivered)
    assert all(0.1 < s.late / s.records < 0.6 for s in summary.streams.values())


@pytest.mark.parametrize("source", ["pos", "inventory"])
def test_reader_finds_what_the_summary_expects(source: str) -> None:
    """The expectation drifts from the bytes, or a dialect makes sound rows unreadable."""
    delivered = files(BatchPlan(shop=SHOP, pos_every_hours=4, sources=(source,), shares=WILD), 48)
    assert {item.stream for item in delivered} == {source}
    for item in delivered:
        expected = TrafficSummary.of([item]).streams[source]
        good = [r for r in records(item) if not in_the_future(r, landed_at(item).timestamp())]
        assert len(good) == expected.good
        if source == "pos":
            assert len(csv_lines(item)[1]) == expected.records


@pytest.mark.parametrize("source", ["pos", "inventory"])
def test_every_kind_of_fault_has_its_share(source: str) -> None:
    """A fault that is never made leaves its handling untested everywhere."""
    plan = BatchPlan(shop=Shop(sales_rate=600), sources=(source,), shares=BAD)
    summary = TrafficSummary.of(generate_batch(plan, FIRST, 24)).streams[source]
    kinds = set(BATCH_FAULTS) - {"missing" if source == "pos" else "wrong_columns"}
    assert set(summary.faults) == kinds
    assert summary.bad == summary.faults.total()
    for count in summary.faults.values():
        assert count / summary.records == pytest.approx(0.04, rel=0.2)


def test_shares_of_dialects() -> None:
    """A dialect is never used, always used, or all of them come in the same files."""
    delivered = files(BatchPlan(shop=SHOP, pos_every_hours=1, shares=WILD), 96)
    seen = Counter[str]()
    pos = of("pos", delivered)
    for item in pos:
        text, (header, _) = content(item), csv_lines(item)
        seen["bom"] += text.startswith("\ufeff")
        seen["crlf"] += text.endswith("\r\n")
        seen["quoted"] += text.removeprefix("\ufeff").startswith('"')
        seen["extra"] += len(header) == len(POS_FIELDS) + 1
        seen["reordered"] += [name for name in header if name in POS_FIELDS] != list(POS_FIELDS)
        seen["all"] += text.startswith('\ufeff"') and text.endswith("\r\n")
    assert all(
        0.35 < seen[name] / len(pos) < 0.65 for name in ("bom", "crlf", "quoted", "extra", "reordered")
    )
    assert 0.02 < seen["all"] / len(pos) < 0.25
    inventory = of("inventory", delivered)
    assert 0.35 < sum(not content(item).startswith("[") for item in inventory) / len(inventory) < 0.65


def test_duplicate_rows_differ_and_the_later_is_right() -> None:
    """A second delivery that repeats the first proves nothing about which one is kept."""
    plan = BatchPlan(shop=SHOP, shares=BatchShares(duplicate=0.1))
    (pos,) = of("pos", files(plan, 24))
    by_id: dict[str, list[Record]] = {}
    for record in records(pos):
        by_id.setdefault(record["transaction_id"], []).append(record)
    twice = [both for both in by_id.values() if len(both) == 2]
    expected = TrafficSummary.of([pos]).streams["pos"]
    assert len(twice) == expected.duplicates
    assert len(twice) / len(by_id) == pytest.approx(0.1, rel=0.3)
    assert all(first["quantity"] > then["quantity"] for first, then in twice)
    assert all(first["revenue"] > then["revenue"] for first, then in twice)


@settings(max_examples=12, deadline=None)
@given(
    since=st.integers(0, 7 * 24),
    hours=st.integers(1, 30),
    split=st.integers(0, 30),
    every=st.sampled_from([1, 2, 3, 4, 6, 8, 12, 24]),
)
def test_windows_fit_together(since: int, hours: int, split: int, every: int) -> None:
    """A re-run of one hour writes other files beside the first ones, or a file lands in no window."""
    shop = Shop(products=8, stores=3, warehouses=2, sales_rate=20)
    plan = BatchPlan(shop=shop, pos_every_hours=every, shares=WILD)
    first, split = FIRST.plus(since), min(split, hours)
    together = files(plan, hours, first)
    assert files(plan, split, first) + files(plan, hours - split, first.plus(split)) == together
    assert len({item.key for item in together}) == len(together)
    end = first.plus(hours)
    assert all(first.start <= landed_at(item) < end.start for item in together)


def test_same_bytes_in_another_process() -> None:
    """A set's order, or the process's hash seed, leaks into what is generated."""
    code = (
        "from tests.local.traffic.test_batch import *\n"
        "print(digest(files(BatchPlan(shop=SHOP, shares=WILD), 30)))"
    )
    environ = {**os.environ, "PYTHONHASHSEED": "4711", "PYTHONPATH": str(Path.cwd())}
    other = subprocess.run(
        [sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True
    )
    assert other.stdout.strip() == digest(files(BatchPlan(shop=SHOP, shares=WILD), 30))


def test_a_share_does_not_change_the_shop() -> None:
    """Two runs with other shares of trouble cannot be compared."""
    calm = files(BatchPlan(shop=SHOP, sources=("pos",)), 24)
    wild = files(BatchPlan(shop=SHOP, sources=("pos",), shares=BatchShares(bom=1.0, quoted=1.0)), 24)
    assert [item.key for item in calm] == [item.key for item in wild]
    assert [records(item) for item in calm] == [records(item) for item in wild]
    assert all(one.body != other.body for one, other in zip(calm, wild, strict=True))


def test_a_quiet_period_is_a_file_without_rows() -> None:
    """Nothing sold looks like nothing delivered."""
    shop = Shop(sales_rate=0.001)
    (pos,) = files(BatchPlan(shop=shop, sources=("pos",)), 24)
    assert content(pos) == ",".join(POS_FIELDS) + "\n"
    assert not TrafficSummary.of([pos]).streams["pos"].records


def test_live_delivers_each_file_when_its_name_says() -> None:
    """Files come at once, late, or those from before the start are delivered again."""
    plan = BatchPlan(shop=SHOP, pos_every_hours=1)
    now_us = int(FIRST.start.timestamp() + 600) * 1_000_000
    seen: list[tuple[str, int]] = []

    def clock() -> int:
        return now_us

    def wait(seconds: float) -> bool:
        nonlocal now_us
        now_us += max(1, int(seconds * 1_000_000))
        return False

    for item in live_batch_files(plan, clock=clock, wait=wait, duration_secs=3 * 3600):
        seen.append((item.key, now_us))
        assert now_us == landed_at(item).timestamp() * 1_000_000
    expected = [item.key for item in files(plan, 4) if landed_at(item).timestamp() * 1e6 <= now_us]
    assert [key for key, _ in seen] == expected[1:], "the first one had landed before the start"
    assert now_us == int(FIRST.start.timestamp() + 600 + 3 * 3600) * 1_000_000


def test_live_stops_when_it_is_told_to() -> None:
    """Ctrl-C waits for the next full hour."""
    now_us = int(FIRST.start.timestamp() + 600) * 1_000_000
    live = live_batch_files(BatchPlan(shop=SHOP), clock=lambda: now_us, wait=lambda _: True)
    assert list(live) == []


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: BatchShares(null=0.7, columns=0.4), "more than 1"),
        (lambda: BatchShares(late=1.5), "late share"),
        (lambda: BatchShares(bom=float("nan")), "bom share"),
        (lambda: BatchPlan(pos_every_hours=5), "every 1, 2, 3"),
        (lambda: BatchPlan(pos_every_hours=0), "every 1, 2, 3"),
        (lambda: BatchPlan(sources=("web_logs",)), "web_logs"),
    ],
)
def test_contradictory_options_are_refused(wrong, message: str) -> None:
    """A wrong option makes quietly other files."""
    with pytest.raises(InvalidName, match=message):
        wrong()
