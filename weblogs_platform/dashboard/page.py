"""What every page does in the same way: dates and filters above, the address bar, and what there is when there is nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import streamlit as st

from weblogs_platform.dashboard import personal, queries, shown, states, view, words
from weblogs_platform.dashboard.charts import Pick
from weblogs_platform.dashboard.view import FROM, ROWS, TO, Asked, Dates, Span
from weblogs_platform.settings import DashboardSettings

_QUICK = {"1 day": 1, "7 days": 7, "30 days": 30, "90 days": 90}
ALL = ""
_DATE_WIDTH, _FILTER_WIDTH = 150, 172


@dataclass(frozen=True)
class PageSpec:
    """A page: its name in the navigation and the address, its own filters, and what draws it. The first of all pages
    is at the root: Streamlit gives its default page no path."""

    title: str
    path: str
    icon: str
    intro: str
    names: tuple[str, ...]
    span_query: str
    where_from: str
    """What fills it, for when it is empty."""
    draw: Callable[[Page], None]
    beyond_kpis: str = ""
    """What to look at instead, where the whole page is of tables that are no KPI tables."""


@dataclass
class Page:
    """A page that is being drawn: the days, what the address asks for, and where filters and notes go."""

    spec: PageSpec
    dates: Dates
    span: Span
    asked: Asked
    filters: Any
    notes: Any
    refused: list[str] = field(default_factory=list)

    @property
    def during(self) -> dict[str, Any]:
        """The parameters of every query with dates."""
        return {"first": self.dates.start, "until": self.dates.until}

    @property
    def personal(self) -> int:
        """1 when this session may see personal data, else 0: a parameter of queries."""
        return int(personal.is_open())

    @property
    def kpis_alone(self) -> bool:
        """Whether the dashboards' user may read KPI tables only."""
        return _kpis_alone()

    def kpis_only(self, what: str) -> None:
        """Says in the place of a part that is of other tables why it is not there."""
        _kpis_only(what)

    def choose(
        self,
        name: str,
        title: str,
        options: Sequence[str],
        *,
        every: str,
        show: Callable[[str], str] = words.label,
    ) -> str:
        """A filter with the values that the data have, as the address asks; ALL when none is chosen."""
        asked = self.asked.one(name)
        if asked and asked not in options:
            self.say(
                f"The address asks for a {title.lower()} that has no data on these days: the filter is left away."
            )
            asked = ALL
        key = f"{self.spec.path}.{name}"
        st.session_state[key] = asked
        with self.filters:
            st.selectbox(
                title,
                [ALL, *options],
                key=key,
                format_func=lambda value: show(value) if value else every,
                on_change=partial(_take_over, name, key),
                width=_FILTER_WIDTH,
            )
        return asked

    def choose_some(
        self, name: str, title: str, options: Sequence[str], *, show: Callable[[str], str]
    ) -> list[str]:
        """A filter for up to five values."""
        asked = [value for value in self.asked.choices.get(name, ()) if value in options]
        if len(asked) < len(self.asked.choices.get(name, ())):
            self.say(
                f"The address asks for a {title.lower()} that has no data on these days: it is left away."
            )
        key = f"{self.spec.path}.{name}"
        st.session_state[key] = asked
        st.multiselect(
            title,
            list(options),
            key=key,
            format_func=show,
            max_selections=view.MOST_VALUES,
            on_change=partial(_take_over, name, key),
            placeholder="Choose up to five",
        )
        return asked

    def pick(self, name: str, chosen: str) -> Pick:
        """What clicking a bar of a filter's values does: filter by it, and show the rows behind."""
        return Pick(f"{self.spec.path}.pick.{name}", chosen, partial(_pick, name))

    def rows_wanted(self, title: str) -> bool:
        """A switch that shows the rows behind the figures; it is in the address."""
        key = f"{self.spec.path}.{ROWS}"
        st.session_state[key] = self.asked.rows
        return st.toggle(title, key=key, on_change=partial(_switch_rows, key))

    def say(self, text: str) -> None:
        """A note above the figures."""
        self.notes.info(text, icon=":material/info:")

    def nothing(self) -> None:
        """Says that these days are empty and offers the newest that are not."""
        newest = self.span.newest()
        st.info(
            f"There is nothing from {self.dates.text}"
            + (" with these filters" if self.asked.choices else "")
            + f". The newest data are of {self.span.last:%-d %b %Y}.",
            icon=":material/event_busy:",
        )
        st.button(
            f"Show {newest.text}", type="primary", on_click=partial(_show_days, newest, self.spec.names)
        )


def draw(spec: PageSpec) -> None:
    """The whole page, or what to do when it cannot be drawn."""
    title, busy = st.columns([5, 1], vertical_alignment="center")
    title.title(spec.title, anchor=False)
    st.caption(spec.intro)
    body = st.container()
    with busy, st.spinner("Reading"), body, states.guarded():
        if spec.beyond_kpis and _kpis_alone():
            _kpis_only(spec.beyond_kpis)
            return
        span = queries.span(spec.span_query)
        if span is None:
            _nothing_at_all(spec)
        else:
            _draw_over(spec, span)


def _kpis_alone() -> bool:
    return DashboardSettings.from_env().reads == "kpis"


def _kpis_only(what: str) -> None:
    st.info(f"The dashboards' user may read KPI tables only: {what}", icon=":material/lock:")


def _draw_over(spec: PageSpec, span: Span) -> None:
    asked = view.parse(_query(), spec.names)
    dates, notes = view.resolve(asked, span)
    filters = st.container(horizontal=True, vertical_alignment="bottom", key="filters")
    page = Page(spec, dates, span, asked, filters, st.container())
    for note in notes:
        page.say(note)
    if asked.refused:
        names = ", ".join(sorted(asked.refused))
        page.say(f"Part of the address was not understood and is left away: {names}.")
    with filters:
        _choose_dates(dates, span)
    spec.draw(page)


def _query() -> dict[str, list[str]]:
    return {name: st.query_params.get_all(name) for name in st.query_params}


def _choose_dates(dates: Dates, span: Span) -> None:
    for name, title, day in ((FROM, "From", dates.first), (TO, "To", dates.last)):
        key = f"dates.{name}"
        st.session_state[key] = day
        st.date_input(
            title,
            key=key,
            min_value=min(span.first, dates.first),
            max_value=max(span.last, dates.last, view.today()),
            format="YYYY-MM-DD",
            on_change=_take_dates,
            help="Both days are shown, UTC.",
            width=_DATE_WIDTH,
        )
    options = list(_QUICK)
    present = next((name for name, days in _QUICK.items() if span.newest(days) == dates), None)
    st.session_state["dates.quick"] = present
    st.segmented_control(
        "Newest",
        options,
        key="dates.quick",
        on_change=partial(_take_quick, span),
        help="The newest days that have data. Choosing puts the dates into the address, for a link that shows them again.",
    )


def _take_dates() -> None:
    for name in (FROM, TO):
        day = st.session_state[f"dates.{name}"]
        if day is not None:
            st.query_params[name] = day.isoformat()


def _take_quick(span: Span) -> None:
    chosen = st.session_state["dates.quick"]
    if chosen:
        _show_days(span.newest(_QUICK[chosen]), ())


def _show_days(dates: Dates, without: Sequence[str]) -> None:
    for name in without:
        st.query_params.pop(name, None)
    st.query_params.update({FROM: dates.first.isoformat(), TO: dates.last.isoformat()})


def _take_over(name: str, key: str) -> None:
    value = st.session_state[key]
    if value:
        st.query_params[name] = value
    else:
        st.query_params.pop(name, None)


def _pick(name: str, value: str) -> None:
    if value:
        st.query_params.update({name: value, ROWS: "1"})
    else:
        st.query_params.pop(name, None)


def _switch_rows(key: str) -> None:
    if st.session_state[key]:
        st.query_params[ROWS] = "1"
    else:
        st.query_params.pop(ROWS, None)


def _nothing_at_all(spec: PageSpec) -> None:
    st.info(f"There are no data yet. {spec.where_from}", icon=":material/hourglass_empty:")
    st.button("Look again", type="primary")


@dataclass(frozen=True)
class Card:
    """A figure with its name and its definition."""

    title: str
    value: str
    help: str


def cards(items: Sequence[Card]) -> None:
    """The figures of a page in a row, or in several where there is no room."""
    with st.container(horizontal=True, gap="small", key="cards"):
        for card in items:
            st.metric(card.title, card.value, help=card.help, border=True, width="stretch")
    shown.wait()


def dates_of(query: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """The days that the address names, to take along to another page."""
    asked = view.parse(query, ())
    return {name: day.isoformat() for name, day in ((FROM, asked.first), (TO, asked.last)) if day is not None}
