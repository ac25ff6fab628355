"""Stores: who sells how much, compared, and one store day by day."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from weblogs_platform.dashboard import definitions, view, words
from weblogs_platform.dashboard.charts import Measure, Time, bars, columns, heading, lines
from weblogs_platform.dashboard.measures import REVENUE
from weblogs_platform.dashboard.page import Card, Page, PageSpec, cards
from weblogs_platform.dashboard.queries import first_rows, frame
from weblogs_platform.dashboard.series import filled
from weblogs_platform.dashboard.tables import Column, table
from weblogs_platform.dashboard.views.sales import SALE_COLUMNS, store_name

_DAILY = definitions.columns("regional_kpi_daily")
_TOP = 20
_MEASURES = {
    "Revenue": REVENUE,
    "Units sold": Measure("units", "Units"),
    "Sales": Measure("transactions", "Sales"),
}


def _draw(page: Page) -> None:
    ranked = frame("stores_ranking", **page.during)
    if ranked.empty:
        page.nothing()
        return
    ranked["per_sale"] = ranked["revenue"] / ranked["transactions"].where(ranked["transactions"] > 0)
    names = [str(store) for store in sorted(ranked["store_id"])]
    store = page.choose("store", "Store", names, every="All stores", show=store_name)
    _cards(ranked[ranked["store_id"].astype(str) == store] if store else ranked, one=bool(store))
    if store:
        _one_store(page, store)
    _ranking(page, ranked, store)
    _comparison(page, names, ranked)


def _cards(rows: pd.DataFrame, *, one: bool) -> None:
    revenue, sales = rows["revenue"].sum(), rows["transactions"].sum()
    items = [
        Card("Revenue", words.number(revenue, 2), _DAILY["store_daily_revenue"]),
        Card("Units sold", words.number(rows["units"].sum()), _DAILY["store_daily_quantity_sold"]),
        Card("Sales", words.number(sales), _DAILY["store_daily_transactions"]),
        Card(
            "Revenue per sale",
            words.number(revenue / sales if sales else None, 2),
            "Revenue divided by number of sales.",
        ),
    ]
    if not one:
        items.insert(0, Card("Stores", words.number(len(rows)), "Stores that sold something on these days."))
    cards(items)


def _ranking(page: Page, ranked: pd.DataFrame, store: str) -> None:
    with st.container(border=True):
        heading(
            "Stores by revenue", "Click a bar to see that store's days and sales; click again for all stores."
        )
        picture, listed = st.tabs(["Chart", "Table"])
        with picture:
            shown = ranked.head(_TOP).rename(columns={"store_id": "store"})
            pick = page.pick("store", store)
            bars(shown, "store", REVENUE, pick, alt_text="Stores by revenue", say=store_name, colors=False)
            if len(ranked) > _TOP:
                st.caption(f"The first {_TOP} of {len(ranked)} stores; the table has all of them.")
        with listed:
            table(
                ranked,
                {
                    "store_id": Column("Store", "id", _DAILY["store_id"]),
                    "revenue": Column("Revenue", "money", _DAILY["store_daily_revenue"]),
                    "units": Column("Units", "count", _DAILY["store_daily_quantity_sold"]),
                    "transactions": Column("Sales", "count", _DAILY["store_daily_transactions"]),
                    "per_sale": Column("Revenue per sale", "money", "Revenue divided by number of sales."),
                    "days": Column("Days with sales", "count"),
                },
                "stores",
                most=len(ranked) + 1,
            )


def _comparison(page: Page, names: list[str], ranked: pd.DataFrame) -> None:
    with st.container(border=True):
        heading(
            "Compare stores",
            "Up to five stores, day by day; without a choice the three with the most revenue.",
        )
        chosen = page.choose_some("compare", "Stores to compare", names, show=store_name)
        compared = chosen or [str(store) for store in ranked["store_id"].head(3)]
        title = st.segmented_control(
            "Figure", list(_MEASURES), default="Revenue", required=True, key="stores.figure", width="content"
        )
        measure = _MEASURES[title or "Revenue"]
        days = _days(page, compared)
        days = days.assign(
            period=pd.to_datetime(days["analysis_date"]),
            store=days["store_id"].map(store_name),
        )
        shown = filled(days, page.dates.by_day(), "store", [measure.column])
        lines(shown, Time(hourly=False), measure, "store", alt_text=f"{title} by day of the compared stores")


def _days(page: Page, stores: list[str]) -> pd.DataFrame:
    """The days of so many stores as can be compared."""
    chosen = [*stores, *[""] * view.MOST_VALUES][: view.MOST_VALUES]
    return frame(
        "stores_days", **page.during, **{f"chosen_{n}": store for n, store in enumerate(chosen, start=1)}
    )


def _one_store(page: Page, store: str) -> None:
    days = _days(page, [store])
    with st.container(border=True):
        heading(f"Store {store} day by day", _DAILY["store_daily_revenue"])
        shown = filled(
            days.assign(period=pd.to_datetime(days["analysis_date"])), page.dates.by_day(), None, ["revenue"]
        )
        columns(shown, Time(hourly=False), REVENUE, alt_text=f"Revenue of store {store} by day")
        by_day, sales = st.tabs(["Days", "Newest sales"])
        with by_day:
            table(
                days,
                {
                    "analysis_date": Column("Day", "day"),
                    "revenue": Column("Revenue", "money", _DAILY["store_daily_revenue"]),
                    "units": Column("Units", "count", _DAILY["store_daily_quantity_sold"]),
                    "transactions": Column("Sales", "count", _DAILY["store_daily_transactions"]),
                },
                f"store-{store}-by-day",
            )
        with sales:
            if page.kpis_alone:
                page.kpis_only("single sales are not among them.")
            else:
                rows = first_rows("sales_rows", **page.during, store=store, product="", category="")
                table(rows, SALE_COLUMNS, f"store-{store}-sales")


PAGE = PageSpec(
    title="Stores",
    path="stores",
    icon=":material/storefront:",
    intro="Which store sells how much: ranked, compared, and one by one. Amounts are in the currency of the tills.",
    names=("store", "compare"),
    span_query="stores_span",
    where_from="Sales arrive as the files of the source `pos`; the KPI assets add them up by store.",
    draw=_draw,
)
