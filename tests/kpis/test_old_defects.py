"""The five faults of the system before this one, each of which people had made decisions by."""

from __future__ import annotations

from decimal import Decimal

from tests.kpis.agreement import assert_agrees
from tests.kpis.shop import Shop
from weblogs_platform.kpis.operations import INVENTORY_KPI_DAILY
from weblogs_platform.kpis.sales import POS_DAILY, REGIONAL_KPI_DAILY, SALES_KPI_DAILY, SALES_PRODUCT_DAILY


def test_a_store_has_its_own_revenue_only(shop: Shop) -> None:
    """Regional revenue was counted once per store list: a store got every store's total."""
    shop.deliver(
        shop.at(1, hour=20),
        shop.sale("a", shop.at(1), store=1, revenue="10.00"),
        shop.sale("b", shop.at(1), store=2, revenue="20.50"),
        shop.sale("c", shop.at(1), store=2, revenue="0.01"),
    )
    shop.refresh_all()
    revenue = {key[1]: row["store_daily_revenue"] for key, row in shop.rows(REGIONAL_KPI_DAILY).items()}
    assert revenue == {1: Decimal("10.00"), 2: Decimal("20.51")}
    [day] = shop.rows(SALES_KPI_DAILY).values()
    assert day["total_daily_revenue"] == sum(revenue.values()) == Decimal("30.51")


def test_a_rerun_does_not_double_rows(shop: Shop) -> None:
    """Reruns duplicated rows."""
    shop.deliver(
        shop.at(1, hour=20),
        shop.sale("a", shop.at(1)),
        shop.count("i", shop.at(1)),
        shop.event("s", shop.at(1)),
    )
    shop.refresh_all()
    once = shop.all_rows()
    shop.load(shop.at(1, hour=20))
    shop.refresh_all()
    assert shop.all_rows() == once
    assert_agrees(shop)


def test_a_sale_without_inventory_counts(shop: Shop) -> None:
    """Sales whose product had no inventory in the same bucket were dropped by an inner join."""
    shop.deliver(
        shop.at(1, hour=20),
        shop.sale("counted", shop.at(1), product=1001, revenue="10.00", quantity=2),
        shop.sale("uncounted", shop.at(1), product=1002, revenue="7.00"),
        shop.count("i", shop.at(1, hour=3), product=1001, stock=8, threshold=3),
        shop.count("other day", shop.at(0), product=1002, stock=50),
    )
    shop.refresh_all()
    rows = {key[2]: row for key, row in shop.rows(SALES_PRODUCT_DAILY).items()}
    assert rows[1001]["product_turnover_rate"] == 0.25
    assert rows[1001]["stock_availability_pct"] == 100.0
    assert rows[1002]["total_sales"] == Decimal("7.00")
    assert rows[1002]["stock_availability_pct"] is rows[1002]["product_turnover_rate"] is None
    assert_agrees(shop)


def test_the_average_price_is_weighted_by_units(shop: Shop) -> None:
    """The average price was the mean of the sales' prices, however many units each had."""
    shop.deliver(
        shop.at(1, hour=20),
        shop.sale("one", shop.at(1), quantity=1, revenue="100.00"),
        shop.sale("many", shop.at(1), quantity=7, revenue="7.00"),
    )
    shop.refresh_all()
    [day] = shop.rows(SALES_KPI_DAILY).values()
    assert day["average_price_per_item"] == Decimal("13.3750")


def test_snapshots_of_a_day_are_not_added_up(shop: Shop) -> None:
    """Stock was summed over the snapshots of a day: hourly counts made it 24 times as large."""
    hourly = [
        shop.count("i", shop.at(1, hour=hour), product=1001, stock=100 - hour, threshold=5)
        for hour in range(24)
    ]
    shop.deliver(shop.at(2, hour=0), *hourly, shop.count("j", shop.at(1, hour=1), product=1002, stock=5))
    shop.refresh_all()
    [row] = shop.rows(INVENTORY_KPI_DAILY).values()
    assert row["total_stock_level"] == 77 + 5
    assert (row["products_in_stock"], row["products_low_stock"]) == (1, 1)
    assert_agrees(shop)


def test_average_prices_round_half_up(shop: Shop) -> None:
    """A quotient in binary floating point falls to either side of a tie."""
    for day, (revenue, units, price) in enumerate(
        [
            ("0.01", 8, "0.0013"),
            ("0.03", 8, "0.0038"),
            ("1.00", 3, "0.3333"),
            ("2.00", 3, "0.6667"),
            ("5.00", 0, None),
        ]
    ):
        shop.deliver(
            shop.at(day, hour=20),
            shop.sale(f"{day}", shop.at(day), revenue=revenue, quantity=units),
        )
        shop.refresh(POS_DAILY)
        shop.refresh(SALES_KPI_DAILY)
        [row] = [r for (key,), r in shop.rows(SALES_KPI_DAILY).items() if key == shop.at(day).date()]
        assert row["average_price_per_item"] == (price and Decimal(price))
