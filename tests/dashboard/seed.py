"""Two weeks of a small shop, the same in every run: rows of the four sources, their ledger, and the KPIs computed of them.

The days are fixed, so that a page shows the same figures whenever it is tested. Some of it is hostile on purpose:
page names and messages that would be HTML, Markdown or a formula elsewhere.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from weblogs_platform.clients.warehouse import Transaction, Warehouse
from weblogs_platform.kpis import TABLES
from weblogs_platform.pipeline.refresh import refresh

FIRST, DAYS = datetime(2026, 11, 2, tzinfo=UTC).replace(tzinfo=None), 14
UNTIL = FIRST + timedelta(days=DAYS)
NEWEST = (UNTIL - timedelta(days=1)).date()
RUN_ID = "5c0ffee0-1111-4222-8333-444455556666"

HOSTILE_PAGE = "<img src=x onerror=alert(1)>"
HOSTILE_MESSAGE = '=HYPERLINK("http://bad","x") **bold** <script>alert(1)</script>'
HOSTILE_TEXT = "<script>alert(1)</script> [x](javascript:alert(1)) **bold** $x$ :red[y]"
HOSTILE_KEY = "=cmd|' /C calc'!A0<img src=x onerror=alert(1)>"
SECRET_MESSAGE = "Please call me on 555 0100"
_PAGES = (
    "app", "explore/main", "categories/list", "tags/wp-content", "wp-content", "search", "cart", "checkout",
    "account/orders", HOSTILE_PAGE,
)  # fmt: skip
_BATCH = 400
Row = tuple[object, ...]


def seed(warehouse: Warehouse) -> None:
    """Fills the tables of an initialised warehouse."""
    with warehouse.transaction() as tx:
        for table, rows in _sources():
            _insert(tx, table, rows)
        lines = list(_ledger())
        _insert(tx, "shopware_ops.load_history", lines)
        _insert(tx, "shopware_ops.quarantine_reasons", list(_reasons(lines)))
        _insert(tx, "shopware_ops.alerts", list(_alerts()))
        _insert(tx, "shopware_ops.reconcile_findings", list(_findings(lines)))
        _insert(tx, "shopware_ops.reconcile_looks", [("web_logs", UNTIL, 400, 2, HOSTILE_TEXT)])
    for table in TABLES:
        refresh(warehouse, table, FIRST.replace(tzinfo=UTC), UNTIL.replace(tzinfo=UTC), run_id=RUN_ID)


def _sources() -> Iterator[tuple[str, list[Row]]]:
    yield "shopware_stream.web_logs_stream", list(_web_logs())
    yield "shopware_stream.customer_interaction_stream", list(_interactions())
    yield "shopware_processed.pos_records", list(_sales())
    yield "shopware_processed.inventory_records", list(_stock())


def _insert(tx: Transaction, table: str, rows: Sequence[Row]) -> None:
    for start in range(0, len(rows), _BATCH):
        batch = rows[start : start + _BATCH]
        marks = ", ".join("(" + ", ".join(["%s"] * len(row)) + ")" for row in batch)
        tx.execute(f"INSERT INTO {table} VALUES {marks}", [value for row in batch for value in row])


def _hours() -> Iterator[datetime]:
    yield from (FIRST + timedelta(hours=number) for number in range(24 * DAYS))


def _busy(hour: datetime) -> float:
    """How busy the shop is, from 0.15 at night to 1 in the evening."""
    return 0.15 + 0.85 * max(0.0, math.sin((hour.hour - 6) / 18 * math.pi))


def _web_logs() -> Iterator[Row]:
    chance = random.Random(1)
    for hour in _hours():
        for visit in range(1 + round(9 * _busy(hour))):
            yield from _visit(chance, hour, f"{hour:%m%d%H}-{visit}")


def _visit(chance: random.Random, hour: datetime, session: str) -> Iterator[Row]:
    browser = chance.choices(("Chrome", "Firefox", "Edge", "Safari", None), (50, 20, 15, 14, 1))[0]
    device = chance.choices(("Desktop", "Mobile", "Tablet"), (50, 42, 8))[0]
    user, start = str(chance.randint(1139, 1900)), hour + timedelta(seconds=chance.randint(0, 2400))
    for number in range(chance.choice((1, 1, 2, 3, 4, 6))):
        at = start + timedelta(seconds=40 * number)
        page = chance.choices(_PAGES, (20, 16, 14, 10, 9, 8, 7, 5, 4, 2))[0]
        kind = chance.choices(("View", "Click", "Scroll"), (50, 30, 20))[0]
        yield kind, browser, device, page, user, session, at, at.replace(tzinfo=UTC).timestamp(), hour, at


def _interactions() -> Iterator[Row]:
    chance = random.Random(2)
    messages = ("Great service", "Where is my parcel?", SECRET_MESSAGE, HOSTILE_MESSAGE, None)
    for hour in _hours():
        for _ in range(round(4 * _busy(hour) * chance.random())):
            kind = chance.choices(("Feedback", "Complaint", "Loyalty"), (50, 30, 20))[0]
            rating = chance.choices(
                (1, 2, 3, 4, 5, None), (3, 2, 2, 1, 1, 2) if kind == "Complaint" else (1, 1, 2, 5, 6, 4)
            )[0]
            at = hour + timedelta(seconds=chance.randint(0, 3599))
            channel = chance.choices(("Email", "App", "Phone", None), (45, 35, 18, 2))[0]
            customer = 8_800_000 + chance.randint(1, 300)
            yield customer, kind, channel, rating, chance.choice(messages), at, at, hour, at


def _sales() -> Iterator[Row]:
    chance = random.Random(3)
    for hour in _hours():
        for number in range(round(8 * _busy(hour) * chance.random())):
            at = hour + timedelta(seconds=chance.randint(0, 3599))
            quantity = chance.randint(1, 5)
            revenue = round(quantity * chance.uniform(5, 60), 2)
            discount = chance.choice((None, None, round(revenue * 0.05, 2)))
            store, product = (
                min(chance.randint(1, 12), chance.randint(1, 12)),
                1000 + min(chance.randint(0, 39), chance.randint(0, 39)),
            )
            delivered = at.replace(hour=0, minute=0, second=0) + timedelta(days=1)
            yield (
                f"t-{hour:%m%d%H}-{number}",
                store,
                product,
                quantity,
                revenue,
                discount,
                at,
                delivered,
                number + 1,
                delivered,
                at,
            )


def _stock() -> Iterator[Row]:
    chance = random.Random(4)
    number = 0
    for day in range(DAYS):
        for product in range(1000, 1040):
            for warehouse in (1, 2, 3):
                number += 1
                at = FIRST + timedelta(days=day, hours=18, seconds=number % 3000)
                level = max(0, round(chance.gauss(60, 40)))
                threshold = None if product % 5 < 2 else 10 + product % 30
                hour = at.replace(minute=0, second=0)
                yield (
                    f"i-{product}-{warehouse}",
                    product,
                    warehouse,
                    level,
                    threshold,
                    at,
                    at,
                    number,
                    hour,
                    at,
                )


def _reasons(lines: Sequence[Row]) -> Iterator[Row]:
    """Why the bad records of the ledger's lines are bad."""
    for number, (stream, hour, key, etag, _, _, _, bad, *_) in enumerate(lines):
        if bad:
            reason = "malformed_json" if number % 3 else "null_required:user_id"
            yield stream, hour, key, etag, reason, bad


def _alerts() -> Iterator[Row]:
    """One that is open, with a name and a reason that would be markup, and one that is well again."""
    for kind, well_at in ((HOSTILE_KEY, None), ("conservation", UNTIL)):
        hour = f"{NEWEST} 10:00"
        yield kind, HOSTILE_TEXT, hour, HOSTILE_TEXT, RUN_ID, 2, UNTIL, UNTIL, UNTIL, "", well_at


def _findings(lines: Sequence[Row]) -> Iterator[Row]:
    """An object that was not loaded, and one that was since."""
    stream, hour, key, etag, *_ = lines[0]
    yield stream, hour, HOSTILE_KEY, "e1", 100, hour, "new", UNTIL
    yield stream, hour, key, etag, 100, hour, "new", UNTIL


def _ledger() -> Iterator[Row]:
    """A line for each stream and hour, in step with the rows above."""
    for (table, rows), stream in zip(
        _sources(), ("web_logs", "customer_interactions", "pos", "inventory"), strict=True
    ):
        del table
        counts: dict[datetime, int] = {}
        for row in rows:
            hour = row[-2]
            assert isinstance(hour, datetime)
            counts[hour] = counts.get(hour, 0) + 1
        for number, (hour, loaded) in enumerate(sorted(counts.items())):
            bad, dropped = (number % 7 == 3) * 2, (number % 11 == 5) * 1
            loaded_at = hour + timedelta(hours=1, minutes=4 + number % 5)
            yield (
                stream, hour, f"{stream}/{hour:%Y%m%d%H}", "etag", loaded * 180, loaded + bad + dropped, loaded, bad,
                dropped, 0, "rules", None, None, None, RUN_ID, loaded_at, None,
            )  # fmt: skip
