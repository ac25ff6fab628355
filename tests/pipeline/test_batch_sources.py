"""POS and inventory end to end: files in S3 become rows, quarantine and reports; come again, or change, exactly once."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest

from tests.pipeline.hours import NEW_HOURS, Hour
from tests.pipeline.records import Quarantined
from weblogs_platform.core.report import FileReport, Sample
from weblogs_platform.pipeline.landing import landed_days, list_day
from weblogs_platform.streams import INVENTORY, POS

POS_COLUMNS = (
    "transaction_id", "store_id", "product_id", "quantity", "revenue", "discount_applied", "timestamp",
)  # fmt: skip


@pytest.fixture
def pos(hour: Hour) -> Hour:
    """An hour of POS."""
    return hour.of(POS)


@pytest.fixture
def inventory(hour: Hour) -> Hour:
    """An hour of inventory."""
    return hour.of(INVENTORY)


def secs(hour: Hour, minutes: float = -30) -> float:
    """Seconds since 1970 of a moment so many minutes after the hour's beginning."""
    return hour.hour.start.timestamp() + 60 * minutes


def moment(hour: Hour, minutes: float = -30) -> datetime:
    """The same as the warehouse has it."""
    return (hour.hour.start + timedelta(minutes=minutes)).replace(tzinfo=None)


def sale(hour: Hour, n: int, **changes: Any) -> dict[str, Any]:
    sound = {
        "transaction_id": f"6f1c0a52-{n:04}", "store_id": 7, "product_id": 1000 + n, "quantity": 2,
        "revenue": "19.90", "discount_applied": "1.35", "timestamp": secs(hour),
    }  # fmt: skip
    return {**sound, **changes}


def sale_row(hour: Hour, n: int, minute: int, number: int, **changes: Any) -> tuple[Any, ...]:
    sound = {
        "id": f"6f1c0a52-{n:04}", "store": 7, "product": 1000 + n, "quantity": 2, "revenue": Decimal("19.90"),
        "discount": Decimal("1.35"), "time": moment(hour), "delivered": moment(hour, minute), "number": number,
    }  # fmt: skip
    return tuple({**sound, **changes}.values())


def stock(hour: Hour, n: int, **changes: Any) -> dict[str, Any]:
    sound = {
        "inventory_id": f"inv-{n:04}", "product_id": 1000 + n, "warehouse_id": 3, "stock_level": 120,
        "restock_threshold": 15, "last_updated": secs(hour),
    }  # fmt: skip
    return {name: value for name, value in {**sound, **changes}.items() if value is not ...}


def stock_row(hour: Hour, n: int, minute: int, number: int, **changes: Any) -> tuple[Any, ...]:
    sound = {
        "id": f"inv-{n:04}", "product": 1000 + n, "warehouse": 3, "stock": 120, "threshold": 15,
        "time": moment(hour), "delivered": moment(hour, minute), "number": number,
    }  # fmt: skip
    return tuple({**sound, **changes}.values())


def as_csv(rows: Iterable[dict[str, Any]], columns: Sequence[str] = POS_COLUMNS, **how: Any) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, **how)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def report_of(hour: Hour, key: str) -> FileReport:
    return next(f for f in hour.validate().files if f.source.key == key)


def assert_again_changes_nothing(hour: Hour) -> None:
    before = (hour.rows(), hour.ledger(), hour.derived_objects())
    _, outcome = hour.run()
    assert outcome.action == "nothing"
    assert (hour.rows(), hour.ledger(), hour.derived_objects()) == before


def test_a_snapshot_whose_time_cannot_be_is_bad(inventory: Hour) -> None:
    """The time is part of its key: two of one landing hour become one in what is computed by event time, or one that comes
    again becomes two."""
    first = INVENTORY.first_hour.start.timestamp()
    times = (7, 9, first - 1, first, secs(inventory), secs(inventory, 25 * 60))
    key = inventory.drop(
        "3000.json", json.dumps([stock(inventory, 1, last_updated=t) for t in times]).encode()
    )
    inventory.run()
    assert inventory.rows() == [
        stock_row(inventory, 1, 30, 4, time=datetime(2015, 5, 1)),  # noqa: DTZ001
        stock_row(inventory, 1, 30, 5),
    ]
    assert dict(report_of(inventory, key).reasons) == {"out_of_range:last_updated": 4}


def test_a_pos_file_becomes_rows_and_quarantine(pos: Hour) -> None:
    """A column is taken by its place, a null becomes something else, or a bad row costs its neighbours."""
    rows = [
        sale(pos, 1),
        sale(pos, 2, discount_applied=""),
        sale(pos, 3, quantity="-1"),
        sale(pos, 4, transaction_id="", revenue="abc"),
        sale(pos, 5, timestamp=secs(pos, 25 * 60)),
        sale(pos, 6, timestamp=0, revenue="-0.01", product_id="1.5"),
        sale(pos, 7, timestamp=secs(pos, 24 * 60)),
    ]
    body = as_csv(rows)
    key = pos.drop("3000.csv", body)
    report, outcome = pos.run()
    assert pos.rows() == [
        sale_row(pos, 1, 30, 1),
        sale_row(pos, 2, 30, 2, discount=None),
        sale_row(pos, 7, 30, 7, time=moment(pos, 24 * 60)),
    ]
    file = report_of(pos, key)
    lines = body.split(b"\r\n")
    found = pos.quarantined(file)
    assert [(q.raw, q.reasons) for q in found] == [
        (lines[3], ("out_of_range:quantity",)),
        (lines[4], ("null_required:transaction_id", "wrong_type:revenue")),
        (lines[5], ("out_of_range:transaction_timestamp",)),
        (
            lines[6],
            ("wrong_type:product_id", "out_of_range:revenue", "out_of_range:transaction_timestamp"),
        ),
    ]
    assert all(body[q.offset :].startswith(q.raw) for q in found)
    assert {entry["header"] for entry in pos.quarantine(file)} == {",".join(POS_COLUMNS)}
    assert (file.records, file.good, file.bad, report.invalid_share) == (7, 3, 4, 4 / 7)
    assert dict(file.null_fields) == {"transaction_id": 1}
    assert pos.ledger() == [(key, 3, 4, False)]
    assert outcome.rows_loaded == outcome.table_rows == 3
    assert_again_changes_nothing(pos)


def test_exports_of_other_tills_mean_the_same(pos: Hour) -> None:
    """BOM, line ends, quotes, the order of columns, columns more or less, gzip: each of them loses or shifts values."""
    reordered = ("timestamp", "discount_applied", "note", "transaction_id", "revenue", "quantity", "store_id",
                 "product_id")  # fmt: skip
    noted = sale(pos, 1, note='said "no, thanks"\nand went')
    files = {
        "0000.csv": as_csv([sale(pos, 1), sale(pos, 2)]),
        "0100.csv": b"\xef\xbb\xbf" + as_csv([sale(pos, 1), sale(pos, 2)], lineterminator="\n"),
        "0200.csv": as_csv([sale(pos, 1), sale(pos, 2)], lineterminator="\r").rstrip(),
        "0300.csv": as_csv([noted, sale(pos, 2)], reordered, quoting=csv.QUOTE_ALL),
        "0400.csv.gz": gzip.compress(as_csv([sale(pos, 1), sale(pos, 2)]).replace(b"\r\n", b"\r\n\r\n")),
    }
    for name, body in files.items():
        pos.drop(name, body)
    report, _ = pos.run()
    assert report.bad == 0
    expected = [sale_row(pos, n, minute, n) for n in (1, 2) for minute in range(5)]
    assert sorted(pos.rows(), key=repr) == sorted(expected, key=repr)
    assert report.present["$.note"] == 2
    assert_again_changes_nothing(pos)


def test_columns_that_are_not_there(pos: Hour) -> None:
    """A missing optional column costs rows, or a missing required one is filled with anything."""
    without_discount = [c for c in POS_COLUMNS if c != "discount_applied"]
    without_store = [c for c in POS_COLUMNS if c != "store_id"]
    pos.drop("0000.csv", as_csv([sale(pos, 1)], without_discount, extrasaction="ignore"))
    lost = pos.drop("0100.csv", as_csv([sale(pos, 2), sale(pos, 3)], without_store, extrasaction="ignore"))
    pos.run()
    assert pos.rows() == [sale_row(pos, 1, 0, 1, discount=None)]
    assert dict(report_of(pos, lost).reasons) == {"null_required:store_id": 2}


def test_without_a_header_nothing_is_lost(pos: Hour) -> None:
    """The first row of an export without header is taken for one, and gone; or the file is loaded by position."""
    body = as_csv([sale(pos, 1), sale(pos, 2)]).split(b"\r\n", 1)[1]
    headless = pos.drop("0000.csv", body)
    twice = pos.drop("0100.csv", b"revenue," + as_csv([sale(pos, 3)]))
    empty = pos.drop("0200.csv", b"")
    only = pos.drop("0300.csv", as_csv([]))
    report, _ = pos.run()
    assert pos.rows() == []
    files = {f.source.key: f for f in report.files}
    assert [q.raw for q in pos.quarantined(files[headless])] == body.split(b"\r\n")[:2]
    assert [dict(files[key].reasons) for key in (headless, twice)] == [{"unusable_header": 2}] * 2
    assert [files[key].records for key in (empty, only)] == [0, 0]
    assert not any("header" in entry for entry in pos.quarantine(files[headless]))
    assert_again_changes_nothing(pos)


def test_a_quarantined_row_can_be_repaired_by_itself(pos: Hour) -> None:
    """What stands in quarantine does not say which cell is which, so that nobody can mend it."""
    key = pos.drop("0000.csv", as_csv([sale(pos, 1, quantity="two"), sale(pos, 2)]))
    pos.run()
    [entry] = pos.quarantine(report_of(pos, key))
    mended = entry["header"].encode() + b"\n" + entry["raw"].replace(b",two,", b",2,")
    pos.drop("3000.csv", mended)
    pos.run()
    assert pos.rows() == [sale_row(pos, 1, 30, 1), sale_row(pos, 2, 0, 2)]


REVENUES = (
    "0", "0.005", "0.004", "1.005", "2.675", "19.995", "19.994999", "33.333333333333336", "100", "1e2",
    "4999999999", "4999999999.01", "9999999999.994", "9999999999.995", "+4.10", ".5", "7.", "0.1", "0.2", "1,5",
)  # fmt: skip


def test_money_is_right_to_the_cent(pos: Hour) -> None:
    """COPY cuts 19.995 to 19.99, or a float makes 2.67 of 2.675."""
    discounts = ["-0.005", "-4999999999", "1.005", ""]
    rows = [
        sale(pos, n, revenue=revenue, discount_applied=discounts[n % 4]) for n, revenue in enumerate(REVENUES)
    ]
    pos.drop("0000.csv", as_csv(rows))
    pos.run()
    bad = {"1e2", "4999999999.01", "9999999999.994", "9999999999.995", "1,5"}
    expected = {
        f"6f1c0a52-{n:04}": (cents(revenue), cents(discounts[n % 4]) if discounts[n % 4] else None)
        for n, revenue in enumerate(REVENUES)
        if revenue not in bad
    }
    assert {row[0]: (row[4], row[5]) for row in pos.rows()} == expected


def cents(text: str) -> Decimal:
    return Decimal(text).quantize(Decimal("0.01"), ROUND_HALF_UP)


SPELLINGS = ("0", "-0", "+5", "007", "5.", ".5", "5.0", "5e0", "0." + "9" * 36, "1" + "0" * 9, "2147483648", "-1", " 5", "5 ",
             "٣", "1_0", "0x1", "NaN", "inf", "null", "true", "1e400", "1e-400", "1.752e9", "'5'", "\\N", "--5",
             "9" * 18, "9" * 40, "253402300800", "1752000000." + "1" * 60)  # fmt: skip


def test_whatever_is_judged_good_is_loaded(pos: Hour, inventory: Hour) -> None:
    """COPY, or a cast, refuses what validation let pass: a whole hour fails for one odd spelling."""
    numeric = [c for c in POS_COLUMNS if c != "transaction_id"]
    rows = [sale(pos, n, **{c: text}) for n, text in enumerate(SPELLINGS) for c in numeric]
    pos.drop("0000.csv", as_csv(rows))
    report, _ = pos.run()
    assert report.records == len(rows)
    assert len(pos.rows()) == report.good > 40
    texts = [c for c in stock(inventory, 0) if c != "inventory_id"]
    records = [stock(inventory, n, **{c: text}) for n, text in enumerate(SPELLINGS) for c in texts]
    inventory.drop("0000.json", json.dumps(records).encode())
    report, _ = inventory.run()
    assert len(inventory.rows()) == report.good > 20


def test_inventory_as_array_and_as_lines(inventory: Hour) -> None:
    """One of the two forms is refused, or records that a producer numbered himself keep his numbers."""
    records = [
        stock(inventory, 1),
        stock(inventory, 2, restock_threshold=None),
        stock(inventory, 3, restock_threshold=...),
    ]
    own = {**stock(inventory, 4), "record_number": 77, "delivered_at": "1999-01-01T00:00:00", "shelf": "B"}
    bad = [
        stock(inventory, 5, stock_level=-1),
        stock(inventory, 6, last_updated=secs(inventory, 26 * 60), restock_threshold=-1),
        stock(inventory, 7, warehouse_id=None),
    ]
    array = inventory.drop("0000.json", json.dumps([*bad, *records, own], indent=1).encode())
    inventory.drop("0100.json", "\n".join(map(json.dumps, [*records, *bad, own])).encode())
    report, _ = inventory.run()
    variants = [{}, {"threshold": None}, {"threshold": None}, {}]
    first = [stock_row(inventory, n, 0, n + 3, **v) for n, v in enumerate(variants, 1)]
    second = [stock_row(inventory, n, 1, n + 3 * (n == 4), **v) for n, v in enumerate(variants, 1)]
    assert sorted(inventory.rows(), key=repr) == sorted([*first, *second], key=repr)
    file = report_of(inventory, array)
    assert [q.reasons for q in inventory.quarantined(file)] == [
        ("out_of_range:stock_level",),
        ("out_of_range:restock_threshold", "out_of_range:last_updated"),
        ("null_required:warehouse_id",),
    ]
    assert (report.records, report.good, report.bad) == (14, 8, 6)
    assert report.present["$.shelf"] == 2
    assert_again_changes_nothing(inventory)


def test_a_record_delivered_again_is_known_as_later(inventory: Hour) -> None:
    """Nothing tells which of two records of one key came last, so that the latest cannot win."""
    inventory.drop(
        "0000.json", json.dumps([stock(inventory, 1), stock(inventory, 1, stock_level=90)]).encode()
    )
    inventory.drop("3000.json", json.dumps([stock(inventory, 1, stock_level=80)]).encode())
    inventory.run()
    latest = (
        "SELECT stock_level FROM shopware_processed.inventory_records "
        "WHERE inventory_id = 'inv-0001' AND landing_hour = CAST(%s AS TIMESTAMP) "
        "ORDER BY delivered_at, landing_hour, record_number"
    )
    with inventory.warehouse.transaction() as tx:
        levels = [level for (level,) in tx.fetch_all(latest, (inventory.hour.sql,))]
    assert levels == [120, 90, 80]


def test_a_rewritten_file_replaces_its_rows(pos: Hour) -> None:
    """A corrected export adds its rows to those of the first, or takes the hour's other files with it."""
    other = pos.drop("0000.csv", as_csv([sale(pos, 9)]))
    key = pos.drop("3000.csv", as_csv([sale(pos, 1), sale(pos, 2, quantity="x")]))
    pos.run()
    pos.drop("3000.csv", as_csv([sale(pos, 1, revenue="5"), sale(pos, 2), sale(pos, 3)]))
    _, outcome = pos.run()
    assert outcome.action == "replace"
    assert sorted(pos.rows(), key=repr) == sorted(
        [sale_row(pos, 1, 30, 1, revenue=Decimal("5.00")), sale_row(pos, 2, 30, 2), sale_row(pos, 3, 30, 3),
         sale_row(pos, 9, 0, 1)],
        key=repr,
    )  # fmt: skip
    assert sorted(pos.ledger()) == sorted(
        [(other, 1, 0, True), (other, 1, 0, False), (key, 1, 1, True), (key, 3, 0, False)]
    )
    assert_again_changes_nothing(pos)


def test_a_sale_delivered_again_concerns_the_hour_it_was_moved_from(pos: Hour) -> None:
    """A till corrects the time of a sale, and the day it was first booked on keeps it."""
    first = replace(pos, hour=next(NEW_HOURS))
    first.drop(
        "0000.csv", as_csv([sale(first, 1, transaction_id="moved"), sale(first, 2, transaction_id="stays")])
    )
    assert set(first.run()[1].changed_hours) == {first.hour.plus(-1)}
    pos.drop("0000.csv", as_csv([sale(pos, 1, transaction_id="moved", timestamp=secs(first, 61))]))
    assert set(pos.run()[1].changed_hours) == {first.hour.plus(-1), first.hour.plus(1)}


def test_only_files_of_the_declared_name_are_loaded(pos: Hour) -> None:
    """A half-uploaded or foreign file under the prefix is loaded, or is left out and nobody learns of it."""
    day = pos.hour.start.date()
    good = pos.drop("0000.csv", as_csv([sale(pos, 1)]))
    odd = [
        pos.drop(name, as_csv([sale(pos, 2)]))
        for name in ("0001.csv.tmp", "6100.csv", "00.csv", "0000-2.csv")
    ]
    pos.roles.delivery.put_object(Bucket=pos.roles.bucket, Key="pos/archive/old.csv", Body=b"x")
    assert [o.key for o in pos.listed()] == [good]
    assert {*odd, good} <= {o.key for o in list_day(pos.lake, POS, day)}
    days, found = landed_days(pos.lake, POS, range(2020, 2030))
    assert {*odd, "pos/archive/old.csv"} <= set(found)
    assert good not in found
    assert day in days
    days, found = landed_days(pos.lake, POS, range(2030, 2040))
    assert (day in days, found.count(good)) == (False, 1)


@pytest.mark.parametrize("damage", ["cut", "flipped"])
def test_a_damaged_file_is_quarantined_whole(pos: Hour, inventory: Hour, damage: str) -> None:
    """Part of a file is loaded, in which the last row may be cut within a number and look whole."""
    lists = (
        as_csv([sale(pos, n) for n in range(50)]),
        json.dumps([stock(inventory, n) for n in range(50)]).encode(),
    )
    for hour, content in zip((pos, inventory), lists, strict=True):
        body = gzip.compress(content, mtime=0)
        body = body[:-20] if damage == "cut" else body[:-6] + bytes([body[-6] ^ 1]) + body[-5:]
        reason = "truncated_gzip" if damage == "cut" else "corrupt_gzip"
        key = hour.drop(f"0000.{hour.spec.content}.gz", body)
        file = report_of(hour, key)
        assert hour.quarantined(file) == [Quarantined(0, body, (reason,))]
        assert [entry["number"] for entry in hour.quarantine(file)] == [1]
        assert (file.records, file.good, file.bad, file.data_bytes, file.load_key) == (1, 0, 1, 0, None)
        assert (dict(file.reasons), file.samples) == ({reason: 1}, (Sample(0, (reason,)),))
        hour.remove(key)
