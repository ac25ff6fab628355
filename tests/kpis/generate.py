"""Seeded days of a shop, with everything that makes figures wrong: visits over midnight, late and repeated records,
missing values, equal times, prices that do not divide, products that were never counted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Any, TypeVar

from tests.kpis.inputs import Contact, Count, Event, Record, Sale
from tests.kpis.shop import Shop

T = TypeVar("T", bound=Record)

PAGES = ("app", "wp-content", "explore/main", "categories/list/wp-content", None)


def some_days(shop: Shop, rng: Random, days: int) -> list[Record]:
    """What happens in days 1 to `days`; day 0 and the last ones stay empty for what moves and for what is late."""
    return [
        record
        for day in range(1, days + 1)
        for source in (_visits, _contacts, _sales, _counts)
        for record in source(shop, rng, day)
    ]


def _visits(shop: Shop, rng: Random, day: int) -> Iterator[Event]:
    for n in range(25):
        start = shop.at(
            day, hour=rng.choice((0, 7, 12, 23)), minute=rng.randrange(60), second=rng.random() * 60
        )
        user = rng.choice(("1139", "5089", "9343", str(rng.randrange(1000, 9999))))
        browser, device = rng.choice(("Chrome", "Firefox", None)), rng.choice(("Mobile", "Desktop", None))
        at = start
        for _ in range(rng.choice((1, 1, 2, 4, 7))):
            yield shop.event(
                f"{day}-{n}",
                at,
                kind=rng.choice(("Click", "View", "Scroll", "Hover")),
                user=user if rng.random() < 0.9 else str(rng.randrange(1000, 9999)),
                page=rng.choice(PAGES),
                browser=browser,
                device=device,
            )
            at += timedelta(microseconds=rng.choice((0, 1, rng.randrange(3_600_000_000))))


def _contacts(shop: Shop, rng: Random, day: int) -> Iterator[Contact]:
    if day % 3 == 2:
        return  # a day on which nobody said anything
    for _ in range(30):
        yield Contact(
            customer=rng.randrange(8),
            at=shop.at(day, hour=rng.randrange(24), minute=rng.randrange(60), second=rng.random() * 60),
            kind=rng.choice(("Feedback", "Loyalty", "Complaint")),
            channel=rng.choice(("Email", "App", "Phone", "Fax", None)),
            rating=rng.choice((1, 2, 3, 4, 5, None)),
        )


def _sales(shop: Shop, rng: Random, day: int) -> Iterator[Sale]:
    for n in range(40):
        yield shop.sale(
            f"{day}-{n}",
            shop.at(day, hour=rng.choice((0, 9, 15, 23)), minute=rng.randrange(60), second=rng.random() * 60),
            store=rng.randrange(1, 5),
            product=rng.randrange(1000, 1008),
            quantity=rng.randrange(8),
            revenue=rng.choice(("50", "100", "49.99", "99.995", "0.01", f"{rng.uniform(15, 498):.2f}")),
            discount=rng.choice((None, None, "0", "1.35", f"{rng.uniform(1, 21):.3f}")),
        )


def _counts(shop: Shop, rng: Random, day: int) -> Iterator[Count]:
    if day % 4 == 3:
        return  # a day without inventory
    for hour in (6, 18):
        for product in range(1002, 1011):
            yield shop.count(
                f"{product}-{rng.randrange(3)}",
                shop.at(day, hour=hour, minute=rng.choice((0, 0, 30))),
                product=product,
                warehouse=rng.randrange(1, 3),
                stock=rng.choice((0, 0, 4, 9, 10, rng.randrange(500))),
                threshold=rng.choice((None, 0, 10, 60)),
            )


def repeats(shop: Shop, rng: Random, records: list[Record]) -> list[Record]:
    """Later deliveries: sales and counts corrected, some moved to another day; visits with another event."""
    sales = _some(rng, records, Sale)
    counts = _some(rng, records, Count)
    visits = _some(rng, records, Event)
    return [
        *(replace(s, revenue=f"{rng.uniform(1, 200):.2f}", quantity=rng.randrange(9)) for s in sales),
        *(replace(s, at=s.at + timedelta(days=rng.choice((-1, 1)))) for s in sales[::2]),
        *(replace(c, stock=rng.randrange(20), threshold=5) for c in counts),
        *(_another_event(rng, visit) for visit in visits),
    ]


def _another_event(rng: Random, visit: Event) -> Event:
    at = visit.happened + rng.choice((-1, 1)) * timedelta(hours=rng.randrange(1, 20))
    more: dict[str, Any] = {"kind": "Click", "page": "late", "user": "7777"}
    if rng.random() < 0.3:
        return replace(visit, at=None, ingested=at, **more)
    return replace(visit, at=at, **more)


def _some(rng: Random, records: list[Record], kind: type[T]) -> list[T]:
    mine = [record for record in records if isinstance(record, kind)]
    return rng.sample(mine, 12)
