"""Inventory and operations: what is in stock, what ran out, what to order, and how fast it turns."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd
import streamlit as st

from weblogs_platform.dashboard import definitions, words
from weblogs_platform.dashboard.charts import Measure, Time, bars, columns, heading
from weblogs_platform.dashboard.measures import MOST_PRODUCTS
from weblogs_platform.dashboard.page import Card, Page, PageSpec, cards
from weblogs_platform.dashboard.queries import first_rows, frame
from weblogs_platform.dashboard.series import filled, narrowed
from weblogs_platform.dashboard.tables import Column, table

_STOCK = definitions.columns("inventory_kpi_daily")
_COUNT = definitions.columns("inventory_daily")
_PRODUCT = definitions.columns("operations_kpi_daily")
_PRODUCTS = Measure("products", "Products")
_MOST_WAREHOUSES, _NAMED = 15, 3
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
    shown = narrowed(days, {"warehouse": warehouse})
    ends = _ends(shown)
    _cards(ends)
    _pictures(page, _ends(days), shown, ends, warehouse, status)
    first, last = (
        pd.Timestamp(day).date() for day in (ends["analysis_date"].min(), ends["analysis_date"].max())
    )
    newest = replace(page.dates, first=first, last=last)
    counts = {"first": newest.start, "until": newest.until, "warehouse": warehouse}
    _lists(page, counts, warehouse)
    _products(page, warehouse)
    if page.rows_wanted("Show the stock counts behind these figures"):
        if page.kpis_alone:
            page.kpis_only("single stock counts are not among them.")
        else:
            st.caption(
                "The last count of each product in each warehouse, which the figures add up. The emptiest first."
            )
            rows = first_rows("inventory_counts", **counts, status=status, restock=0)
            if rows.empty:
                st.caption("There are none.")
            else:
                table(rows, _COUNT_COLUMNS, "stock-counts")


def _ends(days: pd.DataFrame) -> pd.DataFrame:
    """Each warehouse on the newest of its days: one that was not counted on the last day still has what it had."""
    return days.sort_values("analysis_date").groupby("warehouse", as_index=False).tail(1)


def _as_of(ends: pd.DataFrame) -> str:
    """Of which day the figures are, and which warehouses were counted last on an earlier one."""
    newest = ends["analysis_date"].max()
    older = ends[ends["analysis_date"] < newest].sort_values("warehouse_id")
    names = [
        f"{_warehouse(number)} on {day:%-d %b %Y}"
        for number, day in zip(older["warehouse"], older["analysis_date"], strict=True)
    ]
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    said = f"; counted last before it: {', '.join(names[:_NAMED])}{more}" if names else ""
    return f"{newest:%-d %b %Y}{said}"


def _cards(rows: pd.DataFrame) -> None:
    of = "At the end of the newest of the chosen days, over the warehouses shown; a product counts in each warehouse that holds it."
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
    st.caption(
        f"Stock as it was at the end of the newest of the chosen days with stock counts, {_as_of(rows)}."
    )


def _pictures(
    page: Page, every: pd.DataFrame, shown: pd.DataFrame, ends: pd.DataFrame, warehouse: str, status: str
) -> None:
    """`every`: the newest day of all warehouses; `shown`: all days of those chosen, and `ends` the newest of them."""
    left, right = st.columns(2, border=True)
    with left:
        heading("Products by stock status", "Click to list the stock counts with that status.")
        rows = pd.DataFrame(
            {"status": list(_COLUMN_OF), "products": [ends[column].sum() for column in _COLUMN_OF.values()]}
        )
        bars(rows, "status", _PRODUCTS, page.pick("status", status), alt_text="Products by stock status")
        heading("Units in stock by warehouse", _STOCK["total_stock_level"])
        by_warehouse = every.sort_values("total_stock_level", ascending=False)
        measure = Measure("total_stock_level", "Units")
        pick = page.pick("warehouse", warehouse)
        top = by_warehouse.head(_MOST_WAREHOUSES)
        bars(top, "warehouse", measure, pick, alt_text="Units by warehouse", say=_warehouse, colors=False)
        if len(by_warehouse) > _MOST_WAREHOUSES:
            st.caption(
                f"The first {_MOST_WAREHOUSES} of {len(by_warehouse)} warehouses; the filter above has all of them."
            )
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


def _lists(page: Page, counts: dict[str, Any], warehouse: str) -> None:
    stockouts = first_rows("inventory_stockouts", **page.during)
    restock = None if page.kpis_alone else first_rows("inventory_counts", **counts, status="", restock=1)
    found = "" if restock is None else f" ({_up_to(len(restock))})"
    to_order, ran_out = st.tabs([f"To restock{found}", f"Ran out while selling ({_up_to(len(stockouts))})"])
    with to_order:
        if restock is None:
            page.kpis_only("the count of a product in a warehouse, and its threshold, are not among them.")
        else:
            _restock(restock)
    with ran_out:
        st.caption(f"{_PRODUCT['stockout_alert']}{_of_all(warehouse)}")
        if stockouts.empty:
            st.caption("No product ran out on these days while it was sold.")
        else:
            table(stockouts, _STOCKOUT_COLUMNS, "stock-outs")


def _of_all(warehouse: str) -> str:
    """For what is known of a product, and not of the warehouses that hold it."""
    return " Of all warehouses together: sales do not say which one they came from." if warehouse else ""


def _restock(restock: pd.DataFrame) -> None:
    st.caption("By the last count: at or below its threshold, or fewer than 10 units. The emptiest first.")
    columns_: dict[str, Any] = {name: _COUNT_COLUMNS[name] for name in _RESTOCK}
    table(restock, columns_, "restock") if len(restock) else st.caption("Nothing has to be restocked.")


def _up_to(count: int) -> str:
    return f"{count}" if count < 500 else "500 or more"


def _products(page: Page, warehouse: str) -> None:
    products = first_rows("inventory_products", **page.during)
    if products.empty:
        return
    with st.expander("Turnover and availability by product"):
        if said := _of_all(warehouse):
            st.caption(said.strip())
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
