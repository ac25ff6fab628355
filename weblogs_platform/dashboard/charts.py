"""Charts: bars, shares and lines, drawn by Vega in the reader's own theme, with a title and a text in place of the picture.

A bar that stands for a filter's value can be clicked: it becomes the filter, or stops being it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

import altair as alt
import streamlit as st

from weblogs_platform.dashboard.palette import MAIN, scale
from weblogs_platform.dashboard.words import label

if TYPE_CHECKING:
    import pandas as pd

_BAR, _HEIGHT, _TIME_HEIGHT = 27, 240, 300
_MOST_LABEL = 190
_DIMMED = 0.35
_MOST_SAID = 15
MOST_KINDS = 8
"""Names that a chart of kinds has room for."""
_GREY = "#7d8590"
"""Readable on light and on dark."""

# UTC whatever the reader's browser says: two people who talk about an hour mean the same one.
_LABEL = "length(datum.label) > 26 ? slice(datum.label, 0, 25) + '…' : datum.label"


@dataclass(frozen=True)
class Measure:
    """What is drawn: the column, its title with the unit, and its number format (d3)."""

    column: str
    title: str
    format: str = ",.0f"


@dataclass(frozen=True)
class Pick:
    """What clicking does: `on_pick` gets the value; `chosen` is the present one (empty: none)."""

    key: str
    chosen: str
    on_pick: Callable[[str], None]


def heading(title: str, help: str | None = None) -> None:  # noqa: A002 - Streamlit's word
    """The title of a chart or table."""
    st.subheader(title, anchor=False, help=help)


def bars(
    rows: pd.DataFrame,
    name: str,
    measure: Measure,
    pick: Pick | None = None,
    *,
    alt_text: str,
    say: Callable[[str], str] = label,
    colors: bool = True,
) -> None:
    """Horizontal bars in the order of the rows, each with its number; of one colour when `colors` is false, for what
    has too many names for colours."""
    shown = _named(rows, name, say)
    most = float(shown[measure.column].max()) or 1.0
    names = alt.Axis(labelLimit=_MOST_LABEL, labelOverlap=False, ticks=False, domain=False)
    base = alt.Chart(shown).encode(
        y=alt.Y("name:N", sort=None, title=None, axis=names),
        # Room for the number behind the longest bar.
        x=alt.X(f"{measure.column}:Q", title=None, axis=None, scale=alt.Scale(domain=[0, most * 1.25])),
        tooltip=_tooltip(name, measure),
    )
    drawn = base.mark_bar(cornerRadiusEnd=3, height={"band": 0.72}).encode(
        color=_color(shown, name, legend=None) if colors else alt.value(MAIN), opacity=_opacity(name, pick)
    )
    numbers = base.mark_text(align="left", dx=5, fontSize=12).encode(
        text=alt.Text(f"{measure.column}:Q", format=measure.format), color=alt.value(_GREY)
    )
    chart = alt.layer(drawn, numbers).properties(height=_BAR * len(shown) + 24)
    _draw(chart, name, pick, _in_words(alt_text, shown, measure))


def donut(
    rows: pd.DataFrame, name: str, measure: Measure, pick: Pick | None = None, *, alt_text: str
) -> None:
    """Shares of a whole, with percentages in the legend."""
    shown = _named(rows, name)
    total = float(shown[measure.column].sum()) or 1.0
    shown["share"] = [
        f"{said}  {value / total:.0%}"
        for said, value in zip(shown["name"], shown[measure.column], strict=True)
    ]
    domain, colors = scale(shown[name].tolist())
    legend = dict(zip(shown[name], shown["share"], strict=True))
    drawn = (
        alt.Chart(shown)
        .mark_arc(innerRadius=48, padAngle=0.02, cornerRadius=2)
        .encode(
            theta=alt.Theta(f"{measure.column}:Q", stack=True),
            order=alt.Order(f"{measure.column}:Q", sort="descending"),
            color=alt.Color(
                "share:N",
                scale=alt.Scale(domain=[legend[one] for one in domain], range=colors),
                legend=alt.Legend(title=None, orient="bottom", columns=2, labelFontSize=13),
            ),
            opacity=_opacity(name, pick),
            tooltip=_tooltip(name, measure),
        )
    )
    _draw(drawn.properties(height=_HEIGHT), name, pick, _in_words(alt_text, shown, measure))


def kinds(
    rows: pd.DataFrame, name: str, measure: Measure, pick: Pick, *, alt_text: str, shares: bool = False
) -> None:
    """Bars, or with `shares` a donut, of names that anybody may send: of more than a few only the first, as bars, and
    that it is not all of them."""
    draw = donut if shares and len(rows) <= MOST_KINDS else bars
    draw(rows.head(MOST_KINDS), name, measure, pick, alt_text=alt_text)
    if len(rows) > MOST_KINDS:
        st.caption(f"The first {MOST_KINDS} of {len(rows):,}; the filter above has all of them.")


@dataclass(frozen=True)
class Time:
    """The axis of time: hours, or days."""

    hourly: bool
    column: str = "period"

    def axis(self) -> alt.X:
        format_, milliseconds = ("%-d %b %H:%M", 3_600_000) if self.hourly else ("%-d %b", 86_400_000)
        axis = alt.Axis(
            format=format_, labelOverlap=True, grid=False, tickCount=6, tickMinStep=milliseconds, labelAngle=0
        )
        return alt.X(f"{self.column}:T", title=None, scale=alt.Scale(type="utc"), axis=axis)

    def band(self) -> alt.X:
        """The axis for columns, which are as wide as an hour or a day."""
        unit = "utcyearmonthdatehours" if self.hourly else "utcyearmonthdate"
        axis = alt.Axis(
            format="%-d %b %H:%M" if self.hourly else "%-d %b", labelOverlap=True, grid=False, labelAngle=0
        )
        return alt.X(f"{self.column}:O", timeUnit=unit, title=None, axis=axis)

    def tooltip(self) -> alt.Tooltip:
        format_ = "%-d %b %Y, %H:%M" if self.hourly else "%-d %b %Y"
        return alt.Tooltip(
            f"{self.column}:T", title="Hour (UTC)" if self.hourly else "Day", format=format_, formatType="utc"
        )


def lines(
    rows: pd.DataFrame,
    time: Time,
    measure: Measure,
    series: str | None = None,
    *,
    alt_text: str,
    zero: bool = True,
) -> None:
    """A line for each series over time."""
    shown = _named(rows, series) if series else rows.copy()
    base = alt.Chart(_in_utc(shown, time)).encode(x=time.axis(), y=_y(measure, zero=zero))
    tooltip = [time.tooltip(), *_tooltip(series, measure)]
    if series:
        base = base.encode(color=_color(shown, series, legend=_legend()))
    else:
        base = base.encode(color=alt.value(MAIN))
    drawn = base.mark_line(
        strokeWidth=2.2, point=alt.OverlayMarkDef(size=34 if len(shown) < 120 else 0)
    ).encode(tooltip=tooltip)
    _draw(drawn.properties(height=_TIME_HEIGHT), "", None, alt_text)


def columns(
    rows: pd.DataFrame, time: Time, measure: Measure, series: str | None = None, *, alt_text: str
) -> None:
    """Columns over time, stacked by series."""
    shown = _named(rows, series) if series else rows.copy()
    base = alt.Chart(_in_utc(shown, time)).encode(
        x=time.band(), y=_y(measure, zero=True), tooltip=[time.tooltip(), *_tooltip(series, measure)]
    )
    color = _color(shown, series, legend=_legend()) if series else alt.value(MAIN)
    _draw(base.mark_bar().encode(color=color).properties(height=_TIME_HEIGHT), "", None, alt_text)


def _in_utc(rows: pd.DataFrame, time: Time) -> pd.DataFrame:
    # Without a zone the reader's browser would take them for its own local time.
    return rows.assign(**{time.column: rows[time.column].dt.tz_localize("UTC")})


def _in_words(title: str, rows: pd.DataFrame, measure: Measure) -> str:
    said = (f"{name} {count:,.0f}" for name, count in zip(rows["name"], rows[measure.column], strict=True))
    return f"{title}: {', '.join(islice(said, _MOST_SAID))}"


def _named(rows: pd.DataFrame, name: str, say: Callable[[str], str] = label) -> pd.DataFrame:
    shown = rows.copy()
    shown[name] = shown[name].astype(str)
    shown["name"] = shown[name].map(say)
    return shown


def _y(measure: Measure, *, zero: bool) -> alt.Y:
    whole = measure.format == ",.0f"
    format_, step = ("~s", 1) if whole else (measure.format, alt.Undefined)
    return alt.Y(
        f"{measure.column}:Q",
        title=measure.title,
        scale=alt.Scale(zero=zero, nice=True),
        axis=alt.Axis(format=format_, tickCount=5, tickMinStep=step),
    )


def _legend() -> alt.Legend:
    return alt.Legend(title=None, orient="bottom", labelFontSize=12, columns=3)


def _color(rows: pd.DataFrame, column: str, legend: alt.Legend | None) -> alt.Color:
    said = dict(zip(rows[column], rows["name"], strict=True))
    domain, colors = scale(said)
    return alt.Color(
        "name:N", scale=alt.Scale(domain=[said[name] for name in domain], range=colors), legend=legend
    )


def _opacity(name: str, pick: Pick | None) -> Any:
    if pick is None or not pick.chosen:
        return alt.value(1.0)
    chosen = alt.FieldEqualPredicate(field=name, equal=pick.chosen)
    return alt.condition(chosen, alt.value(1.0), alt.value(_DIMMED))


def _tooltip(name: str | None, measure: Measure) -> list[alt.Tooltip]:
    own = alt.Tooltip(f"{measure.column}:Q", title=measure.title, format=measure.format)
    return [alt.Tooltip("name:N", title="Name"), own] if name else [own]


def _draw(chart: Any, name: str, pick: Pick | None, alt_text: str) -> None:
    if pick is None:
        st.altair_chart(chart, alt=alt_text)
        return
    # The present value is part of the key: after each click the chart starts with nothing selected.
    key = f"{pick.key}.{pick.chosen}"

    def picked() -> None:
        points = st.session_state[key]["selection"].get("pick") or []
        values = [str(point[name]) for point in points if name in point]
        if values:
            pick.on_pick("" if values[-1] == pick.chosen else values[-1])

    selection = alt.selection_point(name="pick", fields=[name], clear=False)
    st.altair_chart(chart.add_params(selection), alt=alt_text, key=key, on_select=picked)
