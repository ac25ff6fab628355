"""Charts: bars, shares and lines, drawn by Vega in the reader's own theme, with a title and a text in place of the picture.

A bar that stands for a filter's value can be clicked: it becomes the filter, or stops being it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import altair as alt
import streamlit as st

from weblogs_platform.dashboard.palette import MAIN, scale
from weblogs_platform.dashboard.words import label

if TYPE_CHECKING:
    import pandas as pd

_BAR, _HEIGHT = 30, 260
_MOST_LABEL = 190
_DIMMED = 0.35

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


def bars(rows: pd.DataFrame, name: str, measure: Measure, pick: Pick | None = None, *, alt_text: str) -> None:
    """Horizontal bars, the largest first, each with its number."""
    shown = _named(rows, name)
    base = alt.Chart(shown).encode(
        y=alt.Y(
            "name:N", sort=None, title=None, axis=alt.Axis(labelLimit=_MOST_LABEL, ticks=False, domain=False)
        ),
        x=alt.X(f"{measure.column}:Q", title=None, axis=None, scale=alt.Scale(domainMin=0, padding=46)),
        tooltip=_tooltip(name, measure),
    )
    drawn = base.mark_bar(cornerRadiusEnd=3, height={"band": 0.72}).encode(
        color=_color(shown[name].tolist(), name, legend=None), opacity=_opacity(name, pick)
    )
    numbers = base.mark_text(align="left", dx=5, fontSize=12).encode(
        text=alt.Text(f"{measure.column}:Q", format=measure.format)
    )
    chart = alt.layer(drawn, numbers).properties(height=max(70, _BAR * len(shown)))
    _draw(chart, drawn, name, pick, alt_text)


def ranking(
    rows: pd.DataFrame, name: str, measure: Measure, pick: Pick | None = None, *, alt_text: str
) -> None:
    """Bars of one colour, for what has too many names for colours."""
    shown = _named(rows, name)
    base = alt.Chart(shown).encode(
        y=alt.Y(
            "name:N", sort=None, title=None, axis=alt.Axis(labelLimit=_MOST_LABEL, ticks=False, domain=False)
        ),
        x=alt.X(f"{measure.column}:Q", title=None, axis=None, scale=alt.Scale(domainMin=0, padding=60)),
        tooltip=_tooltip(name, measure),
    )
    drawn = base.mark_bar(cornerRadiusEnd=3, color=MAIN, height={"band": 0.72}).encode(
        opacity=_opacity(name, pick)
    )
    numbers = base.mark_text(align="left", dx=5, fontSize=12).encode(
        text=alt.Text(f"{measure.column}:Q", format=measure.format)
    )
    chart = alt.layer(drawn, numbers).properties(height=max(70, 26 * len(shown)))
    _draw(chart, drawn, name, pick, alt_text)


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
        .mark_arc(innerRadius=52, outerRadius=88, padAngle=0.02, cornerRadius=2)
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
    _draw(drawn.properties(height=_HEIGHT), drawn, name, pick, alt_text)


@dataclass(frozen=True)
class Time:
    """The axis of time: hours, or days."""

    hourly: bool
    column: str = "period"

    def axis(self) -> alt.X:
        format_ = "%d %b %H:%M" if self.hourly else "%d %b"
        return alt.X(
            f"{self.column}:T",
            title=None,
            scale=alt.Scale(type="utc"),
            axis=alt.Axis(format=format_, labelOverlap=True, grid=False, tickCount=6, labelAngle=0),
        )

    def tooltip(self) -> alt.Tooltip:
        format_ = "%d %b %Y, %H:%M" if self.hourly else "%d %b %Y"
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
    base = alt.Chart(shown).encode(x=time.axis(), y=_y(measure, zero=zero))
    tooltip = [time.tooltip(), *_tooltip(series, measure)]
    if series:
        base = base.encode(color=_color(list(dict.fromkeys(shown[series])), series, legend=_legend()))
    else:
        base = base.encode(color=alt.value(MAIN))
    drawn = base.mark_line(
        strokeWidth=2.2, point=alt.OverlayMarkDef(size=34 if len(shown) < 120 else 0)
    ).encode(tooltip=tooltip)
    _draw(drawn.properties(height=_HEIGHT), drawn, "", None, alt_text)


def columns(
    rows: pd.DataFrame, time: Time, measure: Measure, series: str | None = None, *, alt_text: str
) -> None:
    """Columns over time, stacked by series."""
    shown = _named(rows, series) if series else rows.copy()
    shown["until"] = shown[time.column] + _width(hourly=time.hourly)
    base = alt.Chart(shown).encode(
        x=time.axis().bandPosition(0),
        x2="until:T",
        y=_y(measure, zero=True),
        tooltip=[time.tooltip(), *_tooltip(series, measure)],
    )
    if series:
        drawn = base.mark_bar(stroke=None).encode(
            color=_color(list(dict.fromkeys(shown[series])), series, legend=_legend())
        )
    else:
        drawn = base.mark_bar(color=MAIN)
    _draw(drawn.properties(height=_HEIGHT), drawn, "", None, alt_text)


def _width(*, hourly: bool) -> Any:
    import pandas as pd

    return pd.Timedelta(minutes=54) if hourly else pd.Timedelta(hours=21)


def _named(rows: pd.DataFrame, name: str) -> pd.DataFrame:
    shown = rows.copy()
    shown[name] = shown[name].astype(str)
    shown["name"] = shown[name].map(label)
    return shown


def _y(measure: Measure, *, zero: bool) -> alt.Y:
    return alt.Y(
        f"{measure.column}:Q",
        title=measure.title,
        scale=alt.Scale(zero=zero, nice=True),
        axis=alt.Axis(format="~s" if measure.format == ",.0f" else measure.format, tickCount=5),
    )


def _legend() -> alt.Legend:
    return alt.Legend(title=None, orient="top", labelFontSize=12)


def _color(names: Sequence[str], column: str, legend: alt.Legend | None) -> alt.Color:
    domain, colors = scale(names)
    said = [label(name) for name in domain]
    del column
    return alt.Color("name:N", scale=alt.Scale(domain=said, range=colors), legend=legend)


def _opacity(name: str, pick: Pick | None) -> Any:
    if pick is None or not pick.chosen:
        return alt.value(1.0)
    chosen = alt.FieldEqualPredicate(field=name, equal=pick.chosen)
    return alt.condition(chosen, alt.value(1.0), alt.value(_DIMMED))


def _tooltip(name: str | None, measure: Measure) -> list[alt.Tooltip]:
    own = alt.Tooltip(f"{measure.column}:Q", title=measure.title, format=measure.format)
    return [alt.Tooltip("name:N", title="Name"), own] if name else [own]


def _draw(chart: Any, clickable: Any, name: str, pick: Pick | None, alt_text: str) -> None:
    if pick is None:
        st.altair_chart(chart, alt=alt_text)
        return
    key = f"{pick.key}.{pick.chosen}"
    # The mark itself carries the parameter: a layer would ask each of its parts.
    selection = alt.selection_point(name="pick", fields=[name], clear=False)
    chart = chart.add_params(selection)
    del clickable

    def picked() -> None:
        points = st.session_state[key]["selection"].get("pick") or []
        values = [str(point[name]) for point in points if name in point]
        if values:
            pick.on_pick("" if values[-1] == pick.chosen else values[-1])

    st.altair_chart(chart, alt=alt_text, key=key, on_select=picked)
