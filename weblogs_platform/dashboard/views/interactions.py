"""Customer interactions: what customers say, by which way, and how they rate."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from weblogs_platform.dashboard import definitions, words
from weblogs_platform.dashboard.charts import MOST_KINDS, Measure, Time, bars, columns, heading, kinds, lines
from weblogs_platform.dashboard.page import Card, Page, PageSpec, cards
from weblogs_platform.dashboard.queries import first_rows, frame
from weblogs_platform.dashboard.series import filled, narrowed, summed
from weblogs_platform.dashboard.tables import Column, table

_RATINGS = tuple(f"rating_{stars}" for stars in range(1, 6))
_CONTACTS = Measure("interactions", "Contacts")
_DAILY = definitions.columns("support_kpi_daily")
_LOW = 2


def _draw(page: Page) -> None:
    breakdown = frame("interactions_breakdown", **page.during)
    if breakdown.empty:
        page.nothing()
        return
    kind = page.choose("type", "Type", _options(breakdown, "interaction_type"), every="All types")
    channel = page.choose("channel", "Channel", _options(breakdown, "channel"), every="All channels")
    rating = page.choose(
        "rating",
        "Rating",
        ["1", "2", "3", "4", "5"],
        every="All ratings",
        show=lambda stars: f"Rated {stars}",
    )
    chosen = {"interaction_type": kind, "channel": channel}
    _cards(page, narrowed(breakdown, chosen), kind, channel)
    if rating:
        st.caption("The rating chooses the contacts that are listed below; the figures are of all ratings.")
    _bars(page, breakdown, chosen, rating)
    _over_time(page, kind, channel)
    _contacts(page, kind, channel, rating)
    _days(page)


def _options(breakdown: pd.DataFrame, column: str) -> list[str]:
    return [name for name in summed(breakdown, column, "interactions")[column] if name]


def _average(rows: pd.DataFrame) -> pd.Series:
    """The average rating of each row; missing where nothing was rated."""
    rated = rows[list(_RATINGS)].sum(axis=1)
    stars = sum(rows[name] * number for number, name in enumerate(_RATINGS, start=1))
    return (stars / rated.where(rated > 0)).astype("float64")


def _cards(page: Page, rows: pd.DataFrame, kind: str, channel: str) -> None:
    customers, said = _customers(page, kind, channel)
    total = rows.drop(columns=["interaction_type", "channel"]).sum().to_frame().T
    rated, low = (
        float(total[list(_RATINGS)].sum(axis=1).iloc[0]),
        float(total[list(_RATINGS[:_LOW])].sum(axis=1).iloc[0]),
    )
    cards(
        (
            Card(
                "Customers",
                words.number(customers),
                f"Different customers who were in contact on these days. {said}",
            ),
            Card(
                "Contacts",
                words.number(total["interactions"].iloc[0]),
                "Feedback, loyalty and complaint contacts.",
            ),
            Card("Average rating", words.number(_average(total).iloc[0], 2), _DAILY["avg_rating"]),
            Card(
                "Low ratings", words.percent(100 * low / rated if rated else None), _DAILY["low_rating_pct"]
            ),
        )
    )


def _customers(page: Page, kind: str, channel: str) -> tuple[object, str]:
    """How many different ones, and what is to be said about it."""
    if not page.kpis_alone:
        return frame("interactions_customers", **page.during, type=kind, channel=channel).iloc[0, 0], ""
    said = "KPI tables have it for one day, all types and all channels together."
    if kind or channel or page.dates.days > 1:
        return None, said
    return frame("interactions_customers_of_day", first=page.dates.start).iloc[0, 0], said


def _bars(page: Page, breakdown: pd.DataFrame, chosen: dict[str, str], rating: str) -> None:
    left, middle, right = st.columns(3, border=True)
    tip = "Click to filter by it; click again to undo."
    with left:
        heading("Contacts by channel", tip)
        rows = summed(narrowed(breakdown, {**chosen, "channel": ""}), "channel", "interactions")
        pick = page.pick("channel", chosen["channel"])
        kinds(rows, "channel", _CONTACTS, pick, alt_text="Contacts by channel")
    with middle:
        heading("Contacts by type", tip)
        others = narrowed(breakdown, {**chosen, "interaction_type": ""})
        rows = summed(others, "interaction_type", "interactions", *_RATINGS)
        pick = page.pick("type", chosen["interaction_type"])
        kinds(rows, "interaction_type", _CONTACTS, pick, alt_text="Contacts by type", shares=True)
        rows = rows.head(MOST_KINDS)
        said = zip(rows["interaction_type"], _average(rows), strict=True)
        means = (f"{words.escaped(name)} {words.number(mean, 2)}" for name, mean in said)
        st.caption(f"Average rating: {', '.join(means)}")
    with right:
        heading("Ratings", "Contacts that gave 1 (worst) to 5 (best). Click to list them below.")
        narrow = narrowed(breakdown, chosen)
        given = [narrow[name].sum() for name in reversed(_RATINGS)]
        rows = pd.DataFrame({"rating": ["5", "4", "3", "2", "1"], "interactions": given})
        bars(
            rows,
            "rating",
            _CONTACTS,
            page.pick("rating", rating),
            alt_text="Contacts by rating",
            colors=False,
        )
        unrated = words.number(narrow["unrated"].sum())
        st.caption(f"{unrated} contacts gave no rating; they do not count in averages.")


def _over_time(page: Page, kind: str, channel: str) -> None:
    hourly = page.dates.hourly
    every = "hour" if hourly else "day"
    rows = frame("interactions_over_time", **page.during, hourly=int(hourly), type=kind, channel=channel)
    left, right = st.columns(2, border=True)
    with left:
        heading(f"Contacts by {every}", "By the time they happened.")
        shown = filled(rows, page.dates, "channel", ["interactions"])
        columns(shown, Time(hourly), _CONTACTS, "channel", alt_text=f"Contacts by {every} and channel")
    with right:
        heading(f"Average rating by {every}", _DAILY["avg_rating"])
        sums = filled(rows, page.dates, None, list(_RATINGS))
        shown = sums.assign(rating=_average(sums)).dropna(subset=["rating"])
        lines(
            shown,
            Time(hourly),
            Measure("rating", "Rating, 1 to 5", ".2f"),
            alt_text=f"Average rating by {every}",
            zero=False,
        )


def _contacts(page: Page, kind: str, channel: str, rating: str) -> None:
    if page.kpis_alone:
        page.kpis_only(
            "single contacts are not among them, nor how many customers there were on several days."
        )
        return
    tabs = st.tabs([f"Rated {rating}" if rating else "Newest contacts", "Low ratings"])
    ranges = ((int(rating), int(rating)) if rating else None, (1, _LOW))
    for tab, stars, name in zip(tabs, ranges, ("contacts", "low-ratings"), strict=True):
        lowest, highest = stars or (0, 0)
        with tab:
            rows = first_rows(
                "interaction_rows", **page.during, type=kind, channel=channel, rated=int(stars is not None),
                lowest=lowest, highest=highest, personal=page.personal,
            )  # fmt: skip
            if rows.empty:
                st.caption("There are none on these days.")
            else:
                table(rows, _CONTACT_COLUMNS, name)
    if not page.personal:
        st.caption("Customers' ids and messages are hidden: they are personal.")


_CONTACT_COLUMNS: dict[str, Any] = {
    "event_at": Column("When (UTC)", "time", "When the contact happened."),
    "interaction_type": Column("Type"),
    "channel": Column("Channel"),
    "rating": Column("Rating", "count", definitions.of("customer_interaction_stream", "rating")),
    "customer_id": Column("Customer", "personal"),
    "message_excerpt": Column(
        "Message", "personal", definitions.of("customer_interaction_stream", "message_excerpt")
    ),
}


def _days(page: Page) -> None:
    with st.expander("Day by day (all types and channels)"):
        table(
            frame("interactions_daily", **page.during),
            {
                "analysis_date": Column("Day", "day", _DAILY["analysis_date"]),
                "total_interactions": Column("Contacts", "count", _DAILY["total_interactions"]),
                "unique_customers": Column("Customers", "count", _DAILY["unique_customers"]),
                "avg_rating": Column("Average rating", "decimal", _DAILY["avg_rating"]),
                "feedback_score": Column("Feedback score", "decimal", _DAILY["feedback_score"]),
                "low_rating_pct": Column("Low ratings", "percent", _DAILY["low_rating_pct"]),
                "feedback_count": Column("Feedback", "count", _DAILY["feedback_count"]),
                "loyalty_count": Column("Loyalty", "count", _DAILY["loyalty_count"]),
                "complaint_count": Column("Complaints", "count", _DAILY["complaint_count"]),
                "avg_time_to_resolution_secs": Column(
                    "First to last complaint, seconds (proxy)", "count", _DAILY["avg_time_to_resolution_secs"]
                ),
            },
            "support-by-day",
        )


PAGE = PageSpec(
    title="Customer interactions",
    path="customer-interactions",
    icon=":material/forum:",
    intro="What customers tell the shop, by which way, and how they rate it.",
    names=("type", "channel", "rating"),
    span_query="interactions_span",
    where_from="Contacts arrive with the stream `customer_interactions`; `weblogs traffic` makes some, the KPI assets count them.",
    draw=_draw,
)
