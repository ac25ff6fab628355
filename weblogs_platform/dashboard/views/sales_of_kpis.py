"""Sales where the dashboards' user may read KPI tables only: by day, store and product; without categories, hours and
single sales, which these tables do not have."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from weblogs_platform.dashboard import definitions, words
from weblogs_platform.dashboard.charts import Time, bars, columns, heading, lines
from weblogs_platform.dashboard.measures import MOST_PRODUCTS, REVENUE, TOP, UNITS
from weblogs_platform.dashboard.page import Card, Page, cards
from weblogs_platform.dashboard.queries import first_rows, frame
from weblogs_platform.dashboard.series import filled
from weblogs_platform.dashboard.tables import Column, table

_DAILY = definitions.columns("sales_kpi_daily")
_PRODUCT = definitions.columns("sales_product_daily")


def draw(page: Page) -> None:
    """The figures, and what is not shown."""
    stores = frame("stores_ranking", **page.during)
    products = first_rows("sales_kpi_products", **page.during, store="")
    if products.empty:
        page.nothing()
        return
    store = page.choose(
        "store", "Store", _names(stores["store_id"]), every="All stores", show="Store {}".format
    )
    names, asked = _names(products["product_id"]), page.asked.one("product")
    if asked not in ("", *names) and len(frame("sales_kpi_days", **page.during, store="", product=asked)):
        names.append(asked)  # there are more than the list has
    product = page.choose("product", "Product", names, every="All products", show="Product {}".format)
    if page.asked.one("category"):
        page.say("The address asks for a category, which KPI tables do not have: the filter is left away.")
    where = {**page.during, "store": store, "product": product}
    totals = frame("sales_kpi_totals", **where).iloc[0]
    _cards(totals)
    page.kpis_only("sales by category and by hour, and the sales behind these figures, are not among them.")
    if pd.isna(totals["revenue"]):
        page.nothing()
        return
    _over_time(page, frame("sales_kpi_days", **where))
    _products(page, first_rows("sales_kpi_products", **page.during, store=where["store"]), product)


def _names(numbers: pd.Series) -> list[str]:
    return [str(number) for number in sorted(numbers)]


def _cards(totals: pd.Series) -> None:
    revenue, units, discounts = totals["revenue"], totals["units"], totals["discounts"]
    price = revenue / units if units else None
    net = None if pd.isna(discounts) else revenue - discounts
    not_by_filter = "KPI tables have it for all stores and products together only."
    not_by_both = "KPI tables have it by store or by product, not by both."
    cards(
        (
            Card("Revenue", words.number(revenue, 2), _DAILY["total_daily_revenue"]),
            Card("Net revenue", words.number(net, 2), f"Revenue without discounts. {not_by_filter}"),
            Card("Discounts", words.number(discounts, 2), f"{_DAILY['total_daily_discount_given']} {not_by_filter}"),
            Card("Units sold", words.number(units), _DAILY["total_daily_quantity_sold"]),
            Card("Sales", words.number(totals["transactions"]), f"Number of sales. {not_by_both}"),
            Card("Average price", words.number(price, 2), "Revenue divided by units sold, so weighted by units."),
        )
    )  # fmt: skip


def _over_time(page: Page, days: pd.DataFrame) -> None:
    dates, time = page.dates.by_day(), Time(hourly=False)
    left, right = st.columns(2, border=True)
    with left:
        heading("Revenue by day", _PRODUCT["total_sales"])
        columns(filled(days, dates, None, ["revenue"]), time, REVENUE, alt_text="Revenue by day")
    with right:
        heading("Units sold by day", _PRODUCT["total_units"])
        lines(filled(days, dates, None, ["units"]), time, UNITS, alt_text="Units sold by day")


def _products(page: Page, products: pd.DataFrame, product: str) -> None:
    products["price"] = products["revenue"] / products["units"].where(products["units"] > 0)
    with st.container(border=True):
        heading("Products with the most revenue", "Click to filter by a product.")
        picture, listed = st.tabs(["Chart", "Table"])
        with picture:
            top = products.head(TOP).rename(columns={"product_id": "product"})
            pick = page.pick("product", product)
            say = "Product {}".format
            bars(top, "product", REVENUE, pick, alt_text="Revenue by product", say=say, colors=False)
        with listed:
            shown = {
                "product_id": Column("Product", "id"),
                "revenue": Column("Revenue", "money", _PRODUCT["total_sales"]),
                "units": Column("Units", "count", _PRODUCT["total_units"]),
                "price": Column("Average price", "money", "Revenue divided by units sold."),
            }
            table(products, shown, "products", most=MOST_PRODUCTS)
