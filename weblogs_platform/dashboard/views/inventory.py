"""Inventory and operations: what is in stock, what ran out, what to order, and how fast it turns."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pandas as pd
import streamlit as st

from weblogs_platform.dashboard import definitions, words
from weblogs_platform.dashboard.charts import Measure, Time, bars, columns, heading
from weblogs_platform.dashboard.measures import MOST_PRODUCTS
from weblogs_platform.dashboard.page import Card, Page, PageSpec, cards
from weblogs_platform.dashboard.queries import frame
from weblogs_platform.dashboard.series import filled, narrowed
from weblogs_platform.dashboard.tables import Column, table
from weblogs_platform.dashboard.views.sales import whole

if TYPE_CHECKING:
    from weblogs_platform.dashboard.view import Dates

_STOCK = definitions.columns("inventory_kpi_daily")
_COUNT = definitions.columns("inventory_daily")
_PRODUCT = definitions.columns("operations_kpi_daily")
_PRODUCTS = Measure("products", "Products")
_MOST_WAREHOUSES = 15
_COLUMN_OF = {
    "IN_STOCK": "products_in_stock",
    "LOW_STOCK": "products_low_stock",
    "OUT_OF_STOCK": "products_out_of_stock",
}


def _warehouse(number: str) -> str:
    return f"Warehouse {number}"


def _draw(page: Page) -> None:
    days = frame("inventory_days", **page.during)
    if days.empty:
        page.nothing()
        return
    found = [str(one) for one in sorted(days["warehouse_id"].unique())]
    warehouse = page.choose("warehouse", "Warehouse", found, every="All warehouses", show=_warehouse)
    status = page.choose("status", "Stock status", list(_COLUMN_OF), every="Any status")
    days = days.assign(warehouse=days["warehouse_id"].astype(str))
    newest = pd.Timestamp(days["analysis_date"].max()).date()
    shown = narrowed(days, {"warehouse": warehouse})
    _cards(shown[shown["analysis_date"] == newest], f"{newest:%-d %b %Y}")
    _pictures(page, days, shown, warehouse, status)
    _lists(page, replace(page.dates, first=newest, last=newest), warehouse)
    _products(page)
    if page.rows_wanted("Show the stock counts behind these figures"):
        if page.kpis_alone:
            page.kpis_only("single stock counts are not among them.")
        else:
            rows = frame("inventory_rows", **page.during, warehouse=whole(warehouse), status=status)
            table(rows, _COUNT_COLUMNS, "stock-counts")


def _cards(rows: pd.DataFrame, day: str) -> None:
    of = f"At the end of {day}, over the warehouses shown; a product counts in each warehouse that holds it."
    cards(
        (
            Card(
                "Units in stock",
                words.number(rows["total_stock_level"].sum()),
                f"{_STOCK['total_stock_level']} {of}",
            ),
            Card(
                "In stock",
                words.number(rows["products_in_stock"].sum()),
                f"{_STOCK['products_in_stock']} {of}",
            ),
            Card(
                "Low stock",
                words.number(rows["products_low_stock"].sum()),
                f"{_STOCK['products_low_stock']} {of}",
            ),
            Card(
                "Out of stock",
                words.number(rows["products_out_of_stock"].sum()),
                f"{_STOCK['products_out_of_stock']} {of}",
            ),
        )
    )
    st.caption(f"Stock as it was at the end of {day}, the newest of the chosen days with stock counts.")


def _pictures(page: Page, days: pd.DataFrame, shown: pd.DataFrame, warehouse: str, status: str) -> None:
    newest = days["analysis_date"].max()
    left, right = st.columns(2, border=True)
    with left:
        heading("Products by stock status", "Click to list the stock counts with that status.")
        today = shown[shown["analysis_date"] == newest]
        rows = pd.DataFrame(
            {"status": list(_COLUMN_OF), "products": [today[column].sum() for column in _COLUMN_OF.values()]}
        )
        bars(rows, "status", _PRODUCTS, page.pick("status", status), alt_text="Products by stock status")
        heading("Units in stock by warehouse", _STOCK["total_stock_level"])
        by_warehouse = days[days["analysis_date"] == newest].sort_values("total_stock_level", ascending=False)
        measure = Measure("total_stock_level", "Units")
        pick = page.pick("warehouse", warehouse)
        top = by_warehouse.head(_MOST_WAREHOUSES)
        bars(top, "warehouse", measure, pick, alt_text="Units by warehouse", say=_warehouse, colors=False)
    with right:
        heading(
            "Not fully stocked, day by day",
            f"{_STOCK['products_low_stock']} {_STOCK['products_out_of_stock']}",
        )
        wanted = {name: column for name, column in _COLUMN_OF.items() if name != "IN_STOCK"}
        parts = [
            shown.assign(period=pd.to_datetime(shown["analysis_date"]), status=name, products=shown[column])
            for name, column in wanted.items()
        ]
        series = filled(pd.concat(parts), page.dates.by_day(), "status", ["products"])
        columns(
            series, Time(hourly=False), _PRODUCTS, "status", alt_text="Products low or out of stock by day"
        )


def _lists(page: Page, day: Dates, warehouse: str) -> None:
    stockouts = frame("inventory_stockouts", **page.during)
    counts = {"first": day.start, "until": day.until, "warehouse": whole(warehouse)}
    restock = None if page.kpis_alone else frame("inventory_restock", **counts)
    found = "" if restock is None else f" ({_up_to(len(restock))})"
    to_order, ran_out = st.tabs([f"To restock{found}", f"Ran out while selling ({_up_to(len(stockouts))})"])
    with to_order:
        if restock is None:
            page.kpis_only("the count of a product in a warehouse, and its threshold, are not among them.")
        else:
            _restock(restock, day)
    with ran_out:
        st.caption(_PRODUCT["stockout_alert"])
        if stockouts.empty:
            st.caption("No product ran out on these days while it was sold.")
        else:
            table(stockouts, _STOCKOUT_COLUMNS, "stock-outs")


def _restock(restock: pd.DataFrame, day: Dates) -> None:
    st.caption(
        f"Latest count of {day.text}: at or below its threshold, or fewer than 10 units. The emptiest first."
    )
    columns_: dict[str, Any] = {name: _COUNT_COLUMNS[name] for name in _RESTOCK}
    table(restock, columns_, "restock") if len(restock) else st.caption("Nothing has to be restocked.")


def _up_to(count: int) -> str:
    return f"{count}" if count < 500 else "500 or more"


def _products(page: Page) -> None:
    products = frame("inventory_products", **page.during)
    if products.empty:
        return
    available = frame("inventory_availability", **page.during)
    products = products.merge(available, on="product_id", how="left")
    with st.expander("Turnover and availability by product"):
        table(
            products,
            {
                "product_id": Column("Product", "id"),
                "units_sold": Column("Units sold", "count", _PRODUCT["units_sold"]),
                "transactions": Column("Sales", "count", _PRODUCT["transactions"]),
                "avg_stock_level": Column("Average stock", "decimal", _PRODUCT["avg_stock_level"]),
                "inventory_turnover": Column(
                    "Turnover a day", "decimal", f"Average over the days. {_PRODUCT['inventory_turnover']}"
                ),
                "stock_availability_pct": Column(
                    "Available",
                    "percent",
                    "Average over the days and stores that sold it. "
                    + definitions.of("sales_product_daily", "stock_availability_pct"),
                ),
                "restock_frequency": Column("Counts to restock", "count", _PRODUCT["restock_frequency"]),
                "stockout_days": Column("Days out of stock", "count", _PRODUCT["stockout_alert"]),
            },
            "turnover",
            most=MOST_PRODUCTS,
        )


_COUNT_COLUMNS: dict[str, Any] = {
    "last_updated": Column("Counted (UTC)", "time", _COUNT["last_updated"]),
    "product_id": Column("Product", "id"),
    "warehouse_id": Column("Warehouse", "id"),
    "stock_level": Column("Units", "count", _COUNT["stock_level"]),
    "restock_threshold": Column("Threshold", "count", _COUNT["restock_threshold"]),
    "stock_status": Column("Status", "word", _COUNT["stock_status"]),
    "needs_restock": Column("Restock", "yes", _COUNT["needs_restock"]),
    "inventory_id": Column("Count", help=_COUNT["inventory_id"]),
}
_RESTOCK = ("product_id", "warehouse_id", "stock_level", "restock_threshold", "stock_status", "last_updated")
_STOCKOUT_COLUMNS: dict[str, Any] = {
    "analysis_date": Column("Day", "day"),
    "product_id": Column("Product", "id"),
    "units_sold": Column("Units sold", "count", _PRODUCT["units_sold"]),
    "transactions": Column("Sales", "count", _PRODUCT["transactions"]),
    "avg_stock_level": Column("Average stock", "decimal", _PRODUCT["avg_stock_level"]),
}

PAGE = PageSpec(
    title="Inventory",
    path="inventory",
    icon=":material/inventory_2:",
    intro="What is in stock, what ran out, what to order, and how fast it turns.",
    names=("warehouse", "status"),
    span_query="inventory_span",
    where_from="Stock counts arrive as the files of the source `inventory`; the KPI assets add them up.",
    draw=_draw,
)
