"""Sales: what was sold, for how much, and what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from weblogs_platform.dashboard import definitions, words
from weblogs_platform.dashboard.charts import Time, bars, columns, heading, lines
from weblogs_platform.dashboard.measures import MOST_PRODUCTS, REVENUE, TOP, UNITS
from weblogs_platform.dashboard.page import Card, Page, PageSpec, cards
from weblogs_platform.dashboard.queries import first_rows, frame
from weblogs_platform.dashboard.series import filled, narrowed
from weblogs_platform.dashboard.tables import Column, table
from weblogs_platform.dashboard.views import sales_of_kpis

if TYPE_CHECKING:
    import pandas as pd

_DAILY = definitions.columns("sales_kpi_daily")
_POS = definitions.columns("pos_daily")

SALE_COLUMNS: dict[str, Any] = {
    "transaction_timestamp": Column("When (UTC)", "time", _POS["transaction_timestamp"]),
    "store_id": Column("Store", "id"),
    "product_id": Column("Product", "id"),
    "quantity": Column("Units", "count", _POS["quantity"]),
    "revenue": Column("Revenue", "money", _POS["revenue"]),
    "discount_applied": Column("Discount", "money", _POS["discount_applied"]),
    "net_revenue": Column("Net revenue", "money", _POS["net_revenue"]),
    "sale_category": Column("Category", "word", _POS["sale_category"]),
    "transaction_id": Column("Transaction", help=_POS["transaction_id"]),
}


def store_name(number: str) -> str:
    return f"Store {number}"


def _product(number: str) -> str:
    return f"Product {number}"


def _draw(page: Page) -> None:
    if page.kpis_alone:
        sales_of_kpis.draw(page)
        return
    stores = frame("stores_ranking", **page.during)
    products = first_rows("sales_products", **page.during, store="", category="")
    if products.empty:
        page.nothing()
        return
    found = [str(store) for store in sorted(stores["store_id"])]
    store = page.choose("store", "Store", found, every="All stores", show=store_name)
    names = [str(product) for product in sorted(products["product_id"])]
    asked = page.asked.one("product")
    if (
        asked not in ("", *names)
        and frame("sales_totals", **page.during, store="", product=asked, category="").iloc[0]["transactions"]
    ):
        names.append(asked)  # there are more than the list has
    product = page.choose("product", "Product", names, every="All products", show=_product)
    where = {**page.during, "store": store, "product": product}
    categories = frame("sales_categories", **where)
    category = page.choose(
        "category", "Category", categories["sale_category"].tolist(), every="All categories"
    )
    _cards(frame("sales_totals", **where, category=category).iloc[0])
    if narrowed(categories, {"sale_category": category}).empty:
        page.nothing()
        return
    _over_time(page, where, category)
    _parts(page, where, categories, category, product)
    if page.rows_wanted("Show the sales behind these figures"):
        table(first_rows("sales_rows", **where, category=category), SALE_COLUMNS, "sales")
    _days(page)


def _cards(totals: pd.Series) -> None:
    units = totals["units"] or 0
    price = totals["revenue"] / units if units else None
    cards(
        (
            Card(
                "Revenue",
                words.number(totals["revenue"], 2),
                f"{_DAILY['total_daily_revenue']} {_POS['revenue']}",
            ),
            Card("Net revenue", words.number(totals["net_revenue"], 2), _POS["net_revenue"]),
            Card("Discounts", words.number(totals["discounts"], 2), _DAILY["total_daily_discount_given"]),
            Card("Units sold", words.number(totals["units"]), _DAILY["total_daily_quantity_sold"]),
            Card("Sales", words.number(totals["transactions"]), "Number of sales."),
            Card(
                "Average price",
                words.number(price, 2),
                "Revenue divided by units sold, so weighted by units.",
            ),
        )
    )


def _over_time(page: Page, where: dict[str, Any], category: str) -> None:
    hourly = page.dates.hourly
    every = "hour" if hourly else "day"
    rows = frame("sales_over_time", **where, hourly=int(hourly), category=category)
    left, right = st.columns(2, border=True)
    with left:
        heading(f"Revenue by {every}", f"{_POS['revenue']} Category: {_POS['sale_category']}")
        shown = filled(rows, page.dates, "sale_category", ["revenue"])
        columns(shown, Time(hourly), REVENUE, "sale_category", alt_text=f"Revenue by {every} and category")
    with right:
        heading(f"Units sold by {every}", _POS["quantity"])
        lines(
            filled(rows, page.dates, None, ["units"]), Time(hourly), UNITS, alt_text=f"Units sold by {every}"
        )


def _parts(page: Page, where: dict[str, Any], categories: pd.DataFrame, category: str, product: str) -> None:
    left, right = st.columns([2, 3], border=True)
    with left:
        heading("Revenue by category", _POS["sale_category"])
        pick = page.pick("category", category)
        bars(categories, "sale_category", REVENUE, pick, alt_text="Revenue by category")
    products = first_rows("sales_products", **page.during, store=where["store"], category=category)
    products["price"] = products["revenue"] / products["units"].where(products["units"] > 0)
    with right:
        heading("Products with the most revenue", "Click to filter by a product and to see its sales.")
        picture, listed = st.tabs(["Chart", "Table"])
        with picture:
            top = products.head(TOP).rename(columns={"product_id": "product"})
            pick = page.pick("product", product)
            bars(top, "product", REVENUE, pick, alt_text="Revenue by product", say=_product, colors=False)
        with listed:
            table(
                products,
                {
                    "product_id": Column("Product", "id"),
                    "revenue": Column("Revenue", "money", _POS["revenue"]),
                    "units": Column("Units", "count", _POS["quantity"]),
                    "transactions": Column("Sales", "count"),
                    "discounts": Column("Discounts", "money", _DAILY["total_daily_discount_given"]),
                    "price": Column("Average price", "money", "Revenue divided by units sold."),
                },
                "products",
                most=MOST_PRODUCTS,
            )


def _days(page: Page) -> None:
    with st.expander("Day by day (all stores, products and categories)"):
        table(
            frame("sales_daily", **page.during),
            {
                "analysis_date": Column("Day", "day"),
                "total_daily_revenue": Column("Revenue", "money", _DAILY["total_daily_revenue"]),
                "total_daily_quantity_sold": Column("Units", "count", _DAILY["total_daily_quantity_sold"]),
                "total_daily_discount_given": Column(
                    "Discounts", "money", _DAILY["total_daily_discount_given"]
                ),
                "distinct_products_sold_daily": Column(
                    "Products", "count", _DAILY["distinct_products_sold_daily"]
                ),
                "average_price_per_item": Column("Average price", "money", _DAILY["average_price_per_item"]),
            },
            "sales-by-day",
        )


PAGE = PageSpec(
    title="Sales",
    path="sales",
    icon=":material/point_of_sale:",
    intro="What was sold, for how much, and what. Amounts are in the currency of the tills.",
    names=("store", "product", "category"),
    span_query="sales_span",
    where_from="Sales arrive as the files of the source `pos`; the KPI assets add them up.",
    draw=_draw,
)
