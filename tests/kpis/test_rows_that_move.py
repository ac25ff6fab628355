"""Visits and sales whose day is decided by what arrives last."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.kpis.agreement import assert_agrees
from tests.kpis.inputs import Contact
from tests.kpis.shop import DAY, Shop
from weblogs_platform.core.derived import DerivedTable
from weblogs_platform.kpis import TABLES
from weblogs_platform.kpis.marketing import MARKETING_KPI_DAILY, WEB_SESSION
from weblogs_platform.kpis.operations import INVENTORY_DAILY, INVENTORY_KPI_DAILY
from weblogs_platform.kpis.sales import POS_DAILY, SALES_KPI_DAILY
from weblogs_platform.pipeline.derived_facts import examine


def test_a_visit_over_midnight_is_one_visit_of_its_first_day(shop: Shop) -> None:
    """A visit is cut at midnight: two visits, two bounces, half the duration."""
    shop.deliver(
        shop.at(2, hour=1),
        shop.event("s", shop.at(1, hour=23, minute=50)),
        shop.event("s", shop.at(2, hour=0, minute=10), kind="Click"),
    )
    for day in (2, 1):
        outcome = shop.refresh(WEB_SESSION, first=shop.at(day, hour=0), end=shop.at(day + 1, hour=0))
        assert outcome.rows == (1 if day == 1 else 0)
    [visit] = shop.rows(WEB_SESSION).values()
    assert (visit["session_duration_secs"], visit["total_events"], visit["engagement_score"]) == (
        1200.0,
        2,
        3,
    )
    shop.refresh_all()
    assert_agrees(shop)


def test_a_late_first_event_moves_the_visit_to_the_day_before(shop: Shop) -> None:
    """The visit stays on its old day, or is on both: its key is there twice until someone refreshes the other day."""
    shop.deliver(shop.at(2, hour=1), shop.event("s", shop.at(2, hour=0, minute=10), user="2"))
    shop.refresh_all()
    shop.deliver(shop.at(5), shop.event("s", shop.at(1, hour=23, minute=50), user="1"))
    assert shop.stale(WEB_SESSION) == [shop.at(1, hour=0), shop.at(2, hour=0)]

    outcome = shop.refresh(WEB_SESSION, first=shop.at(1, hour=0), end=shop.at(2, hour=0))
    assert (outcome.rows, outcome.rows_deleted) == (1, 1)
    [visit] = shop.rows(WEB_SESSION).values()
    assert (visit["user_id"], visit["session_start"].day) == ("1", shop.at(1).day)
    assert shop.stale(MARKETING_KPI_DAILY) == [shop.at(1, hour=0), shop.at(2, hour=0)]
    shop.refresh_stale()
    assert_agrees(shop)


def test_the_first_event_of_several_at_one_moment_is_always_the_same(shop: Shop) -> None:
    """Each refresh chooses another browser for the visit."""
    at = shop.at(1)
    events = [
        shop.event("s", at, user=user, page=page, browser=browser)
        for user, page, browser in [
            (u, p, b) for u in ("9", "10") for p in (None, "b", "a") for b in ("Z", "Y")
        ]
    ]
    shop.deliver(shop.at(2), *events)
    shop.deliver(shop.at(3), *reversed(events))
    shop.refresh_all()
    [visit] = shop.rows(WEB_SESSION).values()
    assert (visit["user_id"], visit["entry_page"], visit["browser"]) == ("10", "a", "Y")
    assert_agrees(shop)


def test_a_sale_that_moved_leaves_its_old_day(shop: Shop) -> None:
    """A transaction delivered again with another day is counted on both."""
    sale = shop.sale("a", shop.at(1), revenue="10.00")
    shop.deliver(shop.at(1, hour=20), sale, shop.sale("b", shop.at(1), revenue="1.00"))
    shop.refresh_all()
    shop.deliver(shop.at(4), shop.sale("a", shop.at(3), revenue="12.00"))
    assert shop.stale(POS_DAILY) == [shop.at(1, hour=0), shop.at(3, hour=0)]

    shop.refresh(POS_DAILY, first=shop.at(3, hour=0), end=shop.at(4, hour=0))
    assert shop.stale(SALES_KPI_DAILY) == [shop.at(1, hour=0), shop.at(3, hour=0)]
    assert {row["transaction_timestamp"].day for row in shop.rows(POS_DAILY).values()} == {
        shop.at(1).day,
        shop.at(3).day,
    }
    shop.refresh_stale()
    assert_agrees(shop)


def test_the_latest_delivery_of_a_sale_counts_in_whatever_order_they_are_loaded(shop: Shop) -> None:
    """An old file that is loaded later, or a worse line of the same file, overwrites a correction."""
    first, last = shop.at(1, hour=20), shop.at(2, hour=9)
    shop.drop(first, shop.sale("a", shop.at(1), revenue="1.00"), shop.sale("a", shop.at(1), revenue="2.00"))
    shop.drop(last, shop.sale("a", shop.at(1), revenue="4.00"), shop.sale("a", shop.at(1), revenue="3.00"))
    shop.load(last)
    shop.load(first)
    shop.refresh_all()
    [sale] = shop.rows(POS_DAILY).values()
    assert str(sale["revenue"]) == "3.00"
    assert sale["processing_date"] == last.date()
    assert_agrees(shop)


def test_the_latest_of_two_files_of_one_hour_counts(shop: Shop) -> None:
    """Files of one landing hour are told apart by the order of their keys or not at all."""
    early, late = shop.at(1, hour=20, minute=5), shop.at(1, hour=20, minute=6)
    shop.drop(late, shop.sale("a", shop.at(1), revenue="2.00"), shop.count("i", shop.at(1), stock=2))
    shop.drop(early, *(shop.sale("a", shop.at(1), revenue="1.00") for _ in range(3)))
    shop.drop(early + timedelta(seconds=1), *(shop.count("i", shop.at(1), stock=1) for _ in range(3)))
    shop.load(late)
    shop.refresh_all()
    [sale], [count] = shop.rows(POS_DAILY).values(), shop.rows(INVENTORY_DAILY).values()
    assert (str(sale["revenue"]), count["stock_level"]) == ("2.00", 2)
    assert_agrees(shop)


def test_the_last_of_two_counts_at_one_moment_is_always_the_same(shop: Shop) -> None:
    """The stock of a warehouse changes with every refresh."""
    at = shop.at(1)
    shop.deliver(
        shop.at(2), shop.count("b", at, stock=7), shop.count("a", at, stock=900), shop.count("c", at - DAY)
    )
    shop.refresh_all()
    row = shop.rows(INVENTORY_KPI_DAILY)[(at.date(), 1)]
    assert row["total_stock_level"] == 7
    assert_agrees(shop)


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_every_table_agrees_with_its_sources_period_by_period(shop: Shop, table: DerivedTable) -> None:
    """A check of the figures (sql/checks) has an idea of its own, and is an alarm every day; or it finds no fault."""
    shop.deliver(shop.at(1, hour=20), shop.sale("a", shop.at(1), revenue="10.00"), shop.sale("b", shop.at(1)))
    shop.deliver(shop.at(1), shop.count("s", shop.at(1)))
    shop.deliver(shop.at(1), shop.event("v", shop.at(1)), shop.event("v", shop.at(2, hour=0)))
    shop.deliver(shop.at(1), Contact(customer=7, at=shop.at(1)))
    shop.refresh_all()
    shop.deliver(shop.at(4), shop.sale("a", shop.at(3), revenue="12.00"))
    days = shop.at(0, hour=0), shop.at(5, hour=0)
    shop.refresh(POS_DAILY, first=shop.at(1, hour=0), end=shop.at(2, hour=0))
    moved = examine(shop.warehouse, POS_DAILY, shop.at(1, hour=0), shop.at(2, hour=0))
    assert {a.expected == a.found for f in moved.values() for a in f.agreements.values()} == {True}
    shop.refresh_stale()
    facts = examine(shop.warehouse, table, *days)
    agreements = [a for f in facts.values() for a in f.agreements.values()]
    assert agreements
    assert all(a.expected == a.found for a in agreements)
    with shop.warehouse.transaction() as tx:
        tx.execute(
            f"DELETE FROM {table.qualified} WHERE {table.period_column} >= CAST(:first AS TIMESTAMP) "
            f"AND {table.period_column} < CAST(:end AS TIMESTAMP)",
            {"first": days[0].replace(tzinfo=None), "end": days[1].replace(tzinfo=None)},
        )
    emptied = [a for f in examine(shop.warehouse, table, *days).values() for a in f.agreements.values()]
    assert any(a.expected != a.found for a in emptied)
