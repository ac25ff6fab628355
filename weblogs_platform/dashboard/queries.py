"""The queries of the pages: files of `sql/dashboard/`, run in a transaction of their own, kept for half a minute.

    frame("web_pages", first=dates.start, until=dates.until, browser="")

Values are bound, never pasted. What a query is kept under includes all of them, `personal` too, so that what one
session may see is not shown to another.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import Decimal
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import streamlit as st

from weblogs_platform.clients.warehouse import Warehouse, log_in
from weblogs_platform.core.errors import WarehouseUnavailable, WeblogsError
from weblogs_platform.dashboard.pool import Pool
from weblogs_platform.dashboard.view import Span
from weblogs_platform.settings import PROJECT_ROOT, DashboardSettings

if TYPE_CHECKING:
    import pandas as pd

FOLDER = PROJECT_ROOT / "sql" / "dashboard"
KEPT_SECS = 30
_LIMIT = re.compile(r"LIMIT (\d+);?\s*$")
Value = datetime | str | int


class TooManyRows(WeblogsError):
    """A query gives more rows than a page adds up."""


def frame(name: str, **parameters: Value) -> pd.DataFrame:
    """All rows of a query, as a frame of its own, to add up. Raises TooManyRows where its LIMIT may have cut some off, and
    WeblogsError as the warehouse's client does."""
    rows = first_rows(name, **parameters)
    if (most := most_rows(text_of(name))) is not None and len(rows) >= most:
        raise TooManyRows(f"{name} gives {most:,} rows or more: figures would lack what is beyond")
    return rows


def first_rows(name: str, **parameters: Value) -> pd.DataFrame:
    """The rows of a query that lists the first of what may be many."""
    return frame_of(text_of(name), **parameters)


def most_rows(statement: str) -> int | None:
    """The LIMIT of a statement; None for one that has none, because it gives few."""
    found = _LIMIT.search(statement)
    return int(found[1]) if found else None


def frame_of(statement: str, **parameters: Value) -> pd.DataFrame:
    """The same for a statement that is made from a declaration."""
    return _kept(statement, tuple(sorted(parameters.items())), DashboardSettings.from_env())


def span(name: str) -> Span | None:
    """The first and last day of a `..._span` query; None when there is nothing at all."""
    first, last = frame(name).iloc[0].tolist()
    return Span(_day(first), _day(last)) if isinstance(first, date) and isinstance(last, date) else None


@cache
def text_of(name: str) -> str:
    """The statement of a file."""
    return (FOLDER / f"{name}.sql").read_text(encoding="utf-8")


def run(warehouse: Warehouse, statement: str, parameters: dict[str, Any]) -> pd.DataFrame:
    """A named statement with its values bound. Numbers are floats or integers, times are UTC without a zone."""
    return _plain(warehouse.fetch_frame(statement, parameters))


@st.cache_data(ttl=KEPT_SECS, max_entries=500, show_spinner=False)
def _kept(
    statement: str, parameters: tuple[tuple[str, Value], ...], settings: DashboardSettings
) -> pd.DataFrame:
    return answer(statement, dict(parameters), settings)


def answer(statement: str, parameters: dict[str, Any], settings: DashboardSettings) -> pd.DataFrame:
    """Runs a statement; once more on a new connection when an old one turns out to lead nowhere."""
    pool = _pool(settings)
    warehouse = Warehouse(pool.connect, copy_role_arn="", region="")
    try:
        return run(warehouse, statement, parameters)
    except WarehouseUnavailable:
        pool.empty()
        return run(warehouse, statement, parameters)


@st.cache_resource(show_spinner=False, max_entries=4, on_release=Pool.empty)
def _pool(settings: DashboardSettings) -> Pool:
    return pool_of(settings)


def pool_of(settings: DashboardSettings) -> Pool:
    """Connections of the dashboards' user; nothing is connected yet."""
    return Pool(partial(log_in, settings.redshift))


def forget() -> None:
    """Closes every connection and drops every answer."""
    _kept.clear()
    _pool.clear()


def _plain(rows: pd.DataFrame) -> pd.DataFrame:
    # A sum of integers is a NUMERIC on Redshift; exact decimals have done their work when a figure is drawn.
    for name in rows.columns:
        if rows[name].map(lambda value: isinstance(value, Decimal)).any():
            rows[name] = rows[name].astype("float64")
    return rows


def _day(value: date) -> date:
    return value.date() if isinstance(value, datetime) else value
