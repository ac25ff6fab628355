"""Web traffic: who came, what they did, with what, and where."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from weblogs_platform.dashboard import definitions, words
from weblogs_platform.dashboard.charts import Measure, Time, bars, columns, heading, kinds, lines
from weblogs_platform.dashboard.page import Card, Page, PageSpec, cards
from weblogs_platform.dashboard.queries import first_rows, frame
from weblogs_platform.dashboard.series import filled, narrowed, summed
from weblogs_platform.dashboard.tables import Column, table

if TYPE_CHECKING:
    import pandas as pd

_EVENTS = Measure("events", "Events")
_TRAFFIC = definitions.columns("web_traffic_hourly")
_SESSION = definitions.columns("web_session")
_COLUMN_OF = {"event": "event_type", "browser": "browser", "device": "device_type"}
_TOP, _MOST_PAGES = 15, 200


def _draw(page: Page) -> None:
    page_asked = page.asked.one("page")
    breakdown = frame("web_breakdown", **page.during, page=page_asked)
    pages = first_rows("web_pages", **page.during, event_type="", browser="", device="")
    if pages.empty:
        page.nothing()
        return
    chosen = {
        name: page.choose(name, title, _options(breakdown, column), every=f"All {plural}")
        for (name, column), title, plural in zip(
            _COLUMN_OF.items(), ("Event", "Browser", "Device"), ("events", "browsers", "devices"), strict=True
        )
    }
    offered = pages["page"].tolist()
    if page_asked not in ("", *offered) and len(breakdown):
        offered.append(page_asked)  # there are more than the first ones
    chosen["page"] = page.choose("page", "Page", offered, every="All pages", show=str)
    if chosen["page"] != page_asked:
        breakdown = frame("web_breakdown", **page.during, page="")
    _cards(page, breakdown, chosen)
    _bars(page, breakdown, chosen)
    _over_time(page, chosen)
    _pages(page, chosen)
    _rows(page, chosen)


def _options(breakdown: pd.DataFrame, column: str) -> list[str]:
    return [name for name in summed(breakdown, column, "events")[column] if name]


def _filters(chosen: dict[str, str]) -> dict[str, str]:
    """Columns of the breakdown and the values that are chosen of them."""
    return {column: chosen[name] for name, column in _COLUMN_OF.items()}


def _cards(page: Page, breakdown: pd.DataFrame, chosen: dict[str, str]) -> None:
    visits = frame("web_sessions", **page.during, browser=chosen["browser"], device=chosen["device"]).iloc[0]
    events = narrowed(breakdown, _filters(chosen))["events"].sum()
    cards(
        (
            Card(
                "Users",
                words.number(visits["users"]),
                "Different accounts of the sessions that began on these days.",
            ),
            Card(
                "Sessions",
                words.number(visits["sessions"]),
                f"Sessions that began on these days. {_SESSION['session_id']}",
            ),
            Card(
                "Events",
                words.number(events),
                "Clicks, views and scrolls on these days, by the time they happened.",
            ),
            Card(
                "Bounce rate",
                words.percent(visits["bounce_pct"]),
                f"Share of those sessions that are a bounce: {_SESSION['is_bounce']}",
            ),
            Card(
                "Average duration",
                words.duration(visits["avg_duration_secs"]),
                f"Average over those sessions. {_SESSION['session_duration_secs']}",
            ),
        )
    )
    if chosen["event"] or chosen["page"]:
        st.caption(
            "Users, sessions, bounce rate and duration are of whole sessions: event and page do not narrow them."
        )


def _bars(page: Page, breakdown: pd.DataFrame, chosen: dict[str, str]) -> None:
    titles = (("event", "Events by type"), ("browser", "Events by browser"), ("device", "Events by device"))
    for place, (name, title) in zip(st.columns(3, border=True), titles, strict=True):
        column = _COLUMN_OF[name]
        others = {key: value for key, value in _filters(chosen).items() if key != column}
        rows = summed(narrowed(breakdown, others), column, "events")
        with place:
            heading(title, "Click to filter by it and to see the rows behind; click again to undo.")
            pick = page.pick(name, chosen[name])
            kinds(rows, column, _EVENTS, pick, alt_text=title, shares=name == "device")


def _over_time(page: Page, chosen: dict[str, str]) -> None:
    hourly = page.dates.hourly
    rows = frame(
        "web_over_time",
        **page.during,
        hourly=int(hourly),
        event_type=chosen["event"],
        browser=chosen["browser"],
        device=chosen["device"],
        page=chosen["page"],
    )
    every = "hour" if hourly else "day"
    left, right = st.columns(2, border=True)
    with left:
        heading(f"Events by {every}", _TRAFFIC["events"])
        shown = filled(rows, page.dates, "event_type", ["events"])
        columns(shown, Time(hourly), _EVENTS, "event_type", alt_text=f"Events by {every} and type")
    with right:
        heading(f"Browsers by {every}", "Events of each browser, by the time they happened.")
        shown = filled(rows, page.dates, "browser", ["events"])
        lines(shown, Time(hourly), _EVENTS, "browser", alt_text=f"Events by {every} and browser")


def _pages(page: Page, chosen: dict[str, str]) -> None:
    rows = first_rows(
        "web_pages",
        **page.during,
        event_type=chosen["event"],
        browser=chosen["browser"],
        device=chosen["device"],
    )
    with st.container(border=True):
        heading(
            "Top pages", "Pages with the most events. Click to filter by a page and to see the rows behind."
        )
        picture, listed = st.tabs(["Chart", "Table"])
        with picture:
            top = rows.head(_TOP)
            pick = page.pick("page", chosen["page"])
            bars(top, "page", _EVENTS, pick, alt_text="Top pages", say=str, colors=False)
        with listed:
            table(
                rows,
                {
                    "page": Column("Page", help=_TRAFFIC["page"]),
                    "events": Column("Events", "count", _TRAFFIC["events"]),
                    "views": Column("Views", "count"),
                    "clicks": Column("Clicks", "count"),
                    "scrolls": Column("Scrolls", "count"),
                },
                "top-pages",
                most=_MOST_PAGES,
            )


def _rows(page: Page, chosen: dict[str, str]) -> None:
    if not page.rows_wanted("Show the rows behind these figures"):
        return
    events, visits = st.tabs(["Newest events", "Newest sessions"])
    where: dict[str, Any] = {
        **page.during, "browser": chosen["browser"], "device": chosen["device"], "personal": page.personal,
    }  # fmt: skip
    with events:
        if page.kpis_alone:
            page.kpis_only("single events are not among them; sessions are.")
        else:
            rows = first_rows("web_event_rows", **where, event_type=chosen["event"], page=chosen["page"])
            table(rows, _EVENT_COLUMNS, "web-events")
    with visits:
        table(
            first_rows("web_session_rows", **where),
            {
                "session_start": Column("Start (UTC)", "time", _SESSION["session_start"]),
                "session_duration_secs": Column("Seconds", "count", _SESSION["session_duration_secs"]),
                "total_events": Column("Events", "count", _SESSION["total_events"]),
                "unique_pages": Column("Pages", "count", _SESSION["unique_pages"]),
                "engagement_score": Column("Engagement", "count", _SESSION["engagement_score"]),
                "is_bounce": Column("Bounce", "yes", _SESSION["is_bounce"]),
                "browser": Column("Browser", help=_SESSION["browser"]),
                "device_type": Column("Device", help=_SESSION["device_type"]),
                "entry_page": Column("First page", help=_SESSION["entry_page"]),
                "user_id": Column("User", "personal"),
                "session_id": Column("Session", "personal"),
            },
            "web-sessions",
        )


_EVENT_COLUMNS: dict[str, Any] = {
    "event_at": Column("When (UTC)", "time", "When the event happened."),
    "event_type": Column("Event"),
    "browser": Column("Browser"),
    "device_type": Column("Device"),
    "page": Column("Page"),
    "user_id": Column("User", "personal"),
    "session_id": Column("Session", "personal"),
    "landing_hour": Column("Delivered in (UTC)", "time", "The hour in which it was delivered to S3."),
}

PAGE = PageSpec(
    title="Web traffic",
    path="web-traffic",
    icon=":material/ads_click:",
    intro="Who came to the shop's site, what they did there, and with what.",
    names=("event", "browser", "device", "page"),
    span_query="web_span",
    where_from="Web logs arrive with the stream `web_logs`; `weblogs traffic` makes some, the KPI assets count them.",
    draw=_draw,
)
