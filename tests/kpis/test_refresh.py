"""The refresh: exactly the touched periods, once, whole or not at all, whoever else is at work."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.kpis.agreement import assert_agrees
from tests.kpis.inputs import Contact, Record
from tests.kpis.meddling import before_statement
from tests.kpis.shop import DAY, Shop
from weblogs_platform.core.derived import DerivedTable
from weblogs_platform.core.errors import StatementRefused
from weblogs_platform.kpis import TABLES
from weblogs_platform.kpis.marketing import MARKETING_KPI_DAILY, WEB_SESSION, WEB_TRAFFIC_HOURLY
from weblogs_platform.kpis.operations import INVENTORY_DAILY, INVENTORY_KPI_DAILY, OPERATIONS_KPI_DAILY
from weblogs_platform.kpis.sales import POS_DAILY, REGIONAL_KPI_DAILY, SALES_KPI_DAILY, SALES_PRODUCT_DAILY
from weblogs_platform.kpis.support import INTERACTIONS_HOURLY, SUPPORT_KPI_DAILY
from weblogs_platform.pipeline import refresh as refresh_module
from weblogs_platform.pipeline.refresh import refresh

OF_POS = (POS_DAILY, SALES_KPI_DAILY, REGIONAL_KPI_DAILY, SALES_PRODUCT_DAILY, OPERATIONS_KPI_DAILY)
OF_WEB_LOGS = (WEB_SESSION, WEB_TRAFFIC_HOURLY, MARKETING_KPI_DAILY)
OF_CONTACTS = (INTERACTIONS_HOURLY, SUPPORT_KPI_DAILY, MARKETING_KPI_DAILY)
OF_INVENTORY = (INVENTORY_DAILY, INVENTORY_KPI_DAILY, SALES_PRODUCT_DAILY, OPERATIONS_KPI_DAILY)


def _one_of_each(shop: Shop, day: int) -> list[Record]:
    return [
        shop.event(f"{day}", shop.at(day)),
        Contact(customer=day, at=shop.at(day), rating=day),
        shop.sale(f"{day}", shop.at(day)),
        shop.count(f"{day}", shop.at(day)),
    ]


def _three_days(shop: Shop) -> None:
    for day in (1, 2, 3):
        shop.deliver(shop.at(day, hour=20), *_one_of_each(shop, day))
    shop.refresh_all()


def _history(shop: Shop, table: DerivedTable) -> list[tuple[Any, ...]]:
    sql = (
        "SELECT period_start, source_table, change_no, row_count, run_id FROM shopware_ops.refresh_history "
        "WHERE table_name = :table AND period_start >= CAST(:first AS TIMESTAMP) "
        "AND period_start < CAST(:end AS TIMESTAMP) ORDER BY 1, 2, 3"
    )
    bounds = {"first": f"{shop.first:%Y-%m-%d}", "end": f"{shop.end:%Y-%m-%d}", "table": table.qualified}
    with shop.warehouse.transaction() as tx:
        return tx.fetch_all(sql, bounds)


def _late(shop: Shop, kind: str) -> Record:
    return {
        "event": shop.event("late", shop.at(2), kind="Click"),
        "contact": Contact(customer=9, at=shop.at(2), rating=1),
        "sale": shop.sale("late", shop.at(2), revenue="3.00"),
        "count": shop.count("late", shop.at(2), stock=0),
    }[kind]


@pytest.mark.parametrize(
    ("kind", "tables"),
    [("event", OF_WEB_LOGS), ("contact", OF_CONTACTS), ("sale", OF_POS), ("count", OF_INVENTORY)],
)
def test_late_data_makes_exactly_its_periods_stale(
    shop: Shop, kind: str, tables: tuple[DerivedTable, ...]
) -> None:
    """Late records never reach the figures, or every day is computed again for one of them."""
    _three_days(shop)
    assert [shop.stale(table) for table in TABLES] == [[]] * len(TABLES)

    shop.deliver(shop.at(5), _late(shop, kind))
    refreshed = shop.refresh_stale()
    expected = {t.name: [shop.at(2) if t.grain == "hour" else shop.at(2, hour=0)] for t in tables}
    assert refreshed == expected
    assert_agrees(shop)

    alone = shop.all_rows()
    shop.refresh_all()
    assert shop.all_rows() == alone


def test_what_is_loaded_and_never_computed_is_stale(shop: Shop) -> None:
    """The first days of a new table are forgotten."""
    shop.deliver(shop.at(3, hour=20), *_one_of_each(shop, 1), *_one_of_each(shop, 3))
    assert shop.stale(POS_DAILY) == [shop.at(1, hour=0), shop.at(3, hour=0)]
    assert shop.stale(WEB_TRAFFIC_HOURLY) == [shop.at(1), shop.at(3)]
    assert shop.stale(SALES_KPI_DAILY) == [], "its source has no rows yet"


def test_staleness_ends_at_the_bounds(shop: Shop) -> None:
    """A reconcile of one day refreshes its neighbours too."""
    shop.deliver(shop.at(3, hour=20), *(shop.sale(f"{n}", shop.at(n)) for n in (1, 2, 3)))
    found = refresh_module.stale_periods(
        shop.warehouse, POS_DAILY, first=shop.at(2, hour=0), end=shop.at(3, hour=0)
    )
    assert found == [shop.at(2, hour=0)]


def test_a_second_refresh_changes_nothing(shop: Shop) -> None:
    """A rerun doubles rows, loses some, or changes a figure."""
    _three_days(shop)
    before = shop.all_rows()
    outcomes = {table.name: shop.refresh(table) for table in TABLES}
    assert shop.all_rows() == before
    assert all(o.rows == o.rows_deleted == len(before[name]) for name, o in outcomes.items())


def test_a_range_is_what_its_periods_are(shop: Shop) -> None:
    """A backfill over a range gives other figures than the same days one by one."""
    shop.deliver(
        shop.at(4, hour=20),
        *(record for day in (1, 2, 4) for record in _one_of_each(shop, day)),
        shop.event("2", shop.at(1, hour=23)),
        shop.event("4", shop.at(5, hour=1)),
        shop.sale("1", shop.at(2)),
    )
    shop.refresh_all()
    at_once, seen = shop.all_rows(), {table.name: _history(shop, table) for table in TABLES}
    assert_agrees(shop)
    for table in TABLES:
        for start in table.periods(shop.at(0, hour=0), shop.at(6, hour=0)):
            if table.grain == "day" or start.hour in (0, 12, 23):
                outcome = shop.refresh(table, first=start, end=start + table.step)
                assert [p.start for p in outcome.periods] == [start]
    assert shop.all_rows() == at_once
    assert {t.name: len(_history(shop, t)) > len(seen[t.name]) for t in TABLES} == {
        t.name: True for t in TABLES
    }


def test_an_empty_period_is_recorded(shop: Shop) -> None:
    """A day without sales stays stale for ever, or fails."""
    outcome = shop.refresh(SALES_PRODUCT_DAILY, first=shop.at(1, hour=0), end=shop.at(2, hour=0))
    [period] = outcome.periods
    assert (period.start, period.rows, outcome.rows_deleted) == (shop.at(1, hour=0), 0, 0)
    assert set(period.headlines.values()) == {None}
    start = shop.at(1, hour=0).replace(tzinfo=None)
    sources = sorted(SALES_PRODUCT_DAILY.sources)
    assert _history(shop, SALES_PRODUCT_DAILY) == [(start, source, 0, 0, "refresh") for source in sources]
    assert shop.stale(SALES_PRODUCT_DAILY) == []


def test_a_day_that_becomes_empty_has_no_rows(shop: Shop) -> None:
    """The only sale of a day moves away, and the day keeps its revenue."""
    shop.deliver(shop.at(1, hour=20), shop.sale("a", shop.at(1)))
    shop.refresh_all()
    shop.deliver(shop.at(4), shop.sale("a", shop.at(3)))
    shop.refresh_stale()
    assert set(shop.rows(REGIONAL_KPI_DAILY)) == {(shop.at(3).date(), 1)}
    assert_agrees(shop)


def test_an_outcome_tells_each_period(shop: Shop) -> None:
    """What people see plotted is not what the table says."""
    shop.deliver(
        shop.at(3, hour=20),
        shop.sale("a", shop.at(1), revenue="10.00", quantity=2),
        shop.sale("b", shop.at(1), revenue="0.50", store=2, quantity=1),
        shop.sale("c", shop.at(3), revenue="7.00"),
    )
    shop.refresh(POS_DAILY)
    outcome = shop.refresh(REGIONAL_KPI_DAILY, first=shop.at(1, hour=0), end=shop.at(4, hour=0))
    told = [(p.start, p.rows, p.headlines["store_daily_revenue"]) for p in outcome.periods]
    assert told == [
        (shop.at(1, hour=0), 2, Decimal("10.50")),
        (shop.at(2, hour=0), 0, None),
        (shop.at(3, hour=0), 1, Decimal("7.00")),
    ]
    average = shop.refresh(SALES_KPI_DAILY, first=shop.at(1, hour=0), end=shop.at(2, hour=0)).periods[0]
    assert average.headlines["average_price_per_item"] == 3.5
    assert (outcome.rows, outcome.table) == (3, REGIONAL_KPI_DAILY)


def test_sales_do_not_wait_for_inventory_and_inventory_refreshes_the_day(shop: Shop) -> None:
    """The old system computed a day once, when both were complete; hourly counts that came later changed nothing."""
    shop.deliver(shop.at(1, hour=20), shop.sale("a", shop.at(1), quantity=3))
    shop.refresh_stale()
    assert_agrees(shop)
    [row] = shop.rows(SALES_PRODUCT_DAILY).values()
    assert (row["total_units"], row["product_turnover_rate"]) == (3, None)

    for hour, stock in ((21, 10), (22, 0)):
        shop.deliver(shop.at(1, hour=hour), shop.count("i", shop.at(1, hour=hour - 1), stock=stock))
        assert set(shop.refresh_stale()) == {table.name for table in OF_INVENTORY}
        assert_agrees(shop)
    [row] = shop.rows(OPERATIONS_KPI_DAILY).values()
    assert (row["inventory_turnover"], row["stockout_alert"]) == (0.6, True)


def test_a_day_with_contacts_only_has_its_marketing_row(shop: Shop) -> None:
    """A day on which one of two sources is silent is missing."""
    shop.deliver(shop.at(1, hour=20), Contact(customer=1, at=shop.at(1), rating=None, kind="Loyalty"))
    shop.deliver(shop.at(2, hour=20), shop.event("s", shop.at(2)))
    shop.refresh_all()
    rows = {key[0]: row for key, row in shop.rows(MARKETING_KPI_DAILY).items()}
    said, visited = rows[shop.at(1).date()], rows[shop.at(2).date()]
    assert (said["sessions"], said["avg_session_duration"], said["customer_engagement_score"]) == (
        0,
        None,
        None,
    )
    assert (said["loyalty_activity_rate_percent"], visited["loyalty_activity_rate_percent"]) == (100.0, None)
    assert_agrees(shop)


def test_a_failing_statement_leaves_what_was_there(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """A day is deleted, the statement fails, and the dashboard shows an empty day."""
    _three_days(shop)
    before, history = shop.all_rows(), _history(shop, REGIONAL_KPI_DAILY)
    broken = (
        "INSERT INTO shopware_kpis.regional_kpi_daily SELECT CAST(:period_start AS DATE), 1, "
        "CAST(1 AS DECIMAL(18,2)), CAST(1 AS BIGINT), CAST(1 / COUNT(*) AS BIGINT) "
        "FROM shopware_processed.pos_daily WHERE transaction_id = :run_id"
    )
    monkeypatch.setattr(refresh_module, "statement_of", lambda table: broken)
    with pytest.raises(StatementRefused, match="division by zero"):
        shop.refresh(REGIONAL_KPI_DAILY)
    assert shop.all_rows() == before
    assert _history(shop, REGIONAL_KPI_DAILY) == history


def test_two_refreshes_at_once_do_not_double(shop: Shop) -> None:
    """Two runs of one day both delete, and both insert."""
    _three_days(shop)
    before = shop.all_rows()
    both_connected = threading.Barrier(2)

    def connect() -> Any:
        connection = shop.warehouse.connect()
        both_connected.wait(timeout=60)
        return connection

    at_once = replace(shop.warehouse, connect=connect)

    def refresh_one(table: DerivedTable) -> int:
        return refresh(at_once, table, shop.first, shop.end, run_id="one of two").rows

    for table in (POS_DAILY, REGIONAL_KPI_DAILY, WEB_SESSION):
        with ThreadPoolExecutor(2) as pool:
            rows = list(pool.map(refresh_one, [table, table]))
        assert rows == [len(before[table.name])] * 2
    assert shop.all_rows() == before
    assert_agrees(shop)


@pytest.mark.parametrize("moment", ["DELETE FROM", "INSERT INTO shopware_kpis", "INSERT INTO shopware_ops"])
def test_a_load_during_a_refresh_makes_it_stale(shop: Shop, moment: str) -> None:
    """A load commits between reading and recording: the day counts as seen, and never gets its late rows."""
    shop.deliver(shop.at(1, hour=20), shop.event("a", shop.at(1)))
    meddled = before_statement(
        shop.warehouse, moment, lambda: shop.deliver(shop.at(2), shop.event("b", shop.at(1), kind="Click"))
    )
    refresh(meddled, WEB_SESSION, shop.first, shop.end, run_id="slow")
    assert len(shop.delivered) == 2
    assert shop.stale(WEB_SESSION) == [shop.at(1, hour=0)]
    shop.refresh_all()
    assert_agrees(shop)


def test_loads_and_refreshes_at_once_end_right(shop: Shop) -> None:
    """They deadlock, or a load's rows are in no refresh and the day is not stale either."""
    hours = [shop.at(1, hour=hour) for hour in (20, 21, 22)]
    for n, hour in enumerate(hours):
        shop.drop(hour, shop.event("s", shop.at(1, minute=n)), shop.event(f"{n}", shop.at(1)))
    with ThreadPoolExecutor(4) as pool:
        loads = [pool.submit(shop.load, hour) for hour in hours]
        refreshes = [pool.submit(shop.refresh, table) for table in (WEB_SESSION, WEB_TRAFFIC_HOURLY) * 2]
        assert all(done.result() for done in (*loads, *refreshes))
    shop.refresh_stale()
    assert_agrees(shop)


def test_a_refresh_during_a_load_of_its_source_waits_for_nothing(shop: Shop) -> None:
    """Readers queue behind a load that takes an hour."""
    shop.deliver(shop.at(1, hour=20), shop.event("a", shop.at(1)))
    with shop.warehouse.transaction() as load:
        load.execute("LOCK shopware_ops.load_lock")
        load.execute("DELETE FROM shopware_stream.web_logs_stream WHERE session_id = 'nobody'")
        assert shop.refresh(WEB_SESSION).rows == 1


def test_run_and_time_of_a_row_are_told(shop: Shop) -> None:
    """Nobody can say which run made a row."""
    shop.deliver(shop.at(1, hour=20), shop.sale("a", shop.at(1)))
    refresh(shop.warehouse, POS_DAILY, shop.at(1, hour=0), shop.at(1, hour=0) + DAY, run_id="the run")
    with shop.warehouse.transaction() as tx:
        [(run_id, loaded_at, now)] = tx.fetch_all(
            "SELECT run_id, loaded_at, GETDATE() FROM shopware_processed.pos_daily "
            "WHERE transaction_timestamp = CAST(%s AS TIMESTAMP)",
            (f"{shop.at(1):%Y-%m-%d %H:%M:%S}",),
        )
    assert run_id == "the run"
    assert isinstance(loaded_at, datetime)
    assert timedelta(0) <= now - loaded_at < timedelta(minutes=1)
