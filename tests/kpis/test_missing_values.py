"""What is not there: ratings, thresholds, dimensions, accounts, units."""

from __future__ import annotations

from typing import Any

from tests.kpis.agreement import assert_agrees
from tests.kpis.inputs import Contact
from tests.kpis.shop import Shop
from weblogs_platform.core.derived import DerivedTable
from weblogs_platform.kpis.marketing import MARKETING_KPI_DAILY, WEB_SESSION, WEB_TRAFFIC_HOURLY
from weblogs_platform.kpis.operations import INVENTORY_DAILY, OPERATIONS_KPI_DAILY
from weblogs_platform.kpis.sales import SALES_KPI_DAILY, SALES_PRODUCT_DAILY
from weblogs_platform.kpis.support import INTERACTIONS_HOURLY, SUPPORT_KPI_DAILY


def _only_row(shop: Shop, table: DerivedTable) -> dict[str, Any]:
    shop.refresh_all()
    assert_agrees(shop)
    [row] = shop.rows(table).values()
    return row


def test_a_null_rating_stays_null(shop: Shop) -> None:
    """The old system made it 3, and bent every average towards the middle."""
    shop.deliver(
        shop.at(1, hour=20),
        Contact(customer=1, at=shop.at(1), rating=None),
        Contact(customer=2, at=shop.at(1), rating=5),
    )
    day = _only_row(shop, SUPPORT_KPI_DAILY)
    assert (day["feedback_score"], day["avg_rating"], day["rated_interactions"]) == (5.0, 5.0, 1)
    [hour] = shop.rows(INTERACTIONS_HOURLY).values()
    assert (hour["interactions"], hour["rating_5"], hour["rating_3"], hour["unrated"]) == (2, 1, 0, 1)


def test_a_day_on_which_nobody_rated_or_complained_twice_has_its_row(shop: Shop) -> None:
    """Shares of nothing are 0 or an error, or the day is lost for want of complaints."""
    shop.deliver(
        shop.at(1, hour=20),
        Contact(customer=1, at=shop.at(1), kind="Complaint", channel=None),
        Contact(customer=2, at=shop.at(1), kind="Complaint", channel="Fax"),
    )
    day = _only_row(shop, SUPPORT_KPI_DAILY)
    shares = ("feedback_score", "avg_rating", "low_rating_pct", "avg_time_to_resolution_secs")
    assert [day[name] for name in shares] == [None] * 4
    assert (day["total_interactions"], day["complaint_count"], day["unknown_channel_count"]) == (2, 2, 2)
    assert {key[2] for key in shop.rows(INTERACTIONS_HOURLY)} == {"Unknown", "Fax"}


def test_the_time_to_resolution_is_between_the_complaints_of_one_customer(shop: Shop) -> None:
    """It is taken over all customers, or whole seconds are cut before they are averaged."""
    shop.deliver(
        shop.at(1, hour=20),
        Contact(customer=1, at=shop.at(1, hour=1), kind="Complaint"),
        Contact(customer=1, at=shop.at(1, hour=2), kind="Feedback"),
        Contact(customer=1, at=shop.at(1, hour=1, second=0.25), kind="Complaint"),
        Contact(customer=2, at=shop.at(1, hour=3), kind="Complaint"),
        Contact(customer=2, at=shop.at(1, hour=3, second=1), kind="Complaint"),
        Contact(customer=3, at=shop.at(1, hour=9), kind="Complaint"),
    )
    assert _only_row(shop, SUPPORT_KPI_DAILY)["avg_time_to_resolution_secs"] == 0.625


def test_without_a_threshold_nothing_needs_restocking(shop: Shop) -> None:
    """A null threshold makes needs_restock null or true, and the availability of a product null."""
    shop.deliver(
        shop.at(1, hour=20),
        shop.sale("a", shop.at(1)),
        shop.count("i", shop.at(1), stock=0, threshold=None),
        shop.count("j", shop.at(1), stock=1, threshold=None),
        shop.count("k", shop.at(1), stock=5, threshold=5),
    )
    shop.refresh_all()
    assert_agrees(shop)
    needs = {row["stock_level"]: row["needs_restock"] for row in shop.rows(INVENTORY_DAILY).values()}
    assert needs == {0: False, 1: False, 5: True}
    [product] = shop.rows(SALES_PRODUCT_DAILY).values()
    assert product["stock_availability_pct"] == 100 / 3
    [operations] = shop.rows(OPERATIONS_KPI_DAILY).values()
    assert (operations["restock_frequency"], operations["avg_stock_level"]) == (1, 2.0)


def test_a_product_that_is_out_of_stock_and_was_not_sold_raises_no_alert(shop: Shop) -> None:
    """Each product that nobody wants is an alert; a till's line of 0 units is a sale."""
    shop.deliver(
        shop.at(1, hour=20),
        shop.sale("none", shop.at(1), product=1, quantity=0, revenue="0"),
        shop.sale("one", shop.at(1), product=2, quantity=1),
        *(shop.count(f"{product}", shop.at(1), product=product, stock=0) for product in (1, 2, 3)),
    )
    shop.refresh_all()
    assert_agrees(shop)
    rows = {key[1]: row for key, row in shop.rows(OPERATIONS_KPI_DAILY).items()}
    assert {product: row["stockout_alert"] for product, row in rows.items()} == {1: False, 2: True, 3: False}
    assert {row["inventory_turnover"] for row in rows.values()} == {None}, "the average stock is 0"


def test_a_day_without_units_has_no_price(shop: Shop) -> None:
    """A division by zero stops the day's figures."""
    shop.deliver(shop.at(1, hour=20), shop.sale("a", shop.at(1), quantity=0, revenue="5.00", discount="6.00"))
    assert _only_row(shop, SALES_KPI_DAILY)["average_price_per_item"] is None


def test_dimensions_that_are_missing_are_unknown(shop: Shop) -> None:
    """Rows without a browser are in no bar of the chart, or a null and an empty one are in two."""
    shop.deliver(
        shop.at(1, hour=20),
        shop.event("s", shop.at(1), browser=None, device="", page=None),
        shop.event("t", shop.at(1), browser="", device=None, page=""),
    )
    row = _only_row(shop, WEB_TRAFFIC_HOURLY)
    assert (row["browser"], row["device_type"], row["page"]) == ("Unknown",) * 3
    assert (row["events"], row["sessions"], row["unique_users"]) == (2, 2, 1)
    visits = shop.rows(WEB_SESSION).values()
    assert {(v["browser"], v["device_type"], v["entry_page"]) for v in visits} == {("Unknown",) * 3}
    [day] = shop.rows(MARKETING_KPI_DAILY).values()
    assert (day["sessions"], day["unique_users"], day["bounce_rate_percent"]) == (2, 1, 100.0)
