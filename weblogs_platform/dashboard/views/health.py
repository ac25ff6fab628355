"""Pipeline health: what landed, what became of it, whether it adds up, what is open, and how fresh it is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pandas as pd
import streamlit as st

from weblogs_platform.core.derived import DerivedTable
from weblogs_platform.core.derived_statements import StalePeriods
from weblogs_platform.core.statements import quoted
from weblogs_platform.dashboard import queries, words
from weblogs_platform.dashboard.charts import Measure, Time, bars, columns, heading
from weblogs_platform.dashboard.page import Card, Page, PageSpec, cards
from weblogs_platform.dashboard.queries import first_rows, frame
from weblogs_platform.dashboard.series import filled, summed
from weblogs_platform.dashboard.tables import Column, table
from weblogs_platform.dashboard.views import health_now
from weblogs_platform.kpis import TABLES
from weblogs_platform.settings import DashboardSettings
from weblogs_platform.streams import FIRST_HOUR, STREAMS

if TYPE_CHECKING:
    from weblogs_platform.core.spec import StreamSpec

_RECORDS = Measure("records", "Records")
_RUN_ID = re.compile(r"[0-9a-fA-F-]{8,64}", re.ASCII)
_FATES = {
    "loaded": "loaded",
    "quarantined": "quarantined",
    "duplicates_dropped": "dropped",
    "discarded": "discarded",
}
_SUM = "Of the objects that landed in these hours and count now."


@dataclass(frozen=True)
class Conservation:
    """Compares a stream's ledger and receipts with its table, hour by hour: how many hours there are; in how many the
    ledger does not account for every record, in how many the table has other rows; and the first of each."""

    spec: StreamSpec

    def sql(self) -> str:
        """Named parameters :first and :until."""
        days = "landing_hour >= CAST(:first AS TIMESTAMP) AND landing_hour < CAST(:until AS TIMESTAMP)"
        current = f"stream = {quoted(self.spec.name)} AND superseded_at IS NULL AND {days}"
        return (
            "SELECT COUNT(*) AS hours, "
            "SUM(CASE WHEN missing <> 0 THEN 1 ELSE 0 END) AS unaccounted, "
            "MIN(CASE WHEN missing <> 0 THEN landing_hour END) AS first_unaccounted, "
            "SUM(CASE WHEN loaded <> table_rows THEN 1 ELSE 0 END) AS differing, "
            "MIN(CASE WHEN loaded <> table_rows THEN landing_hour END) AS first_differing FROM ("
            "SELECT landing_hour, SUM(missing) AS missing, SUM(loaded) AS loaded, SUM(table_rows) AS table_rows FROM ("
            "SELECT landing_hour, records - loaded - quarantined - duplicates_dropped AS missing, loaded, "
            f"0 AS table_rows FROM shopware_ops.load_history WHERE {current} UNION ALL "
            "SELECT landing_hour, 0, COUNT(*), 0 FROM shopware_ops.quarantine_receipts "
            f"WHERE {current} AND outcome = 'replayed' GROUP BY landing_hour UNION ALL "
            f"SELECT landing_hour, 0, 0, COUNT(*) FROM {self.spec.qualified_table} WHERE {days} GROUP BY landing_hour"
            ") AS sides GROUP BY landing_hour) AS compared"
        )


def _draw(page: Page) -> None:
    stream = page.choose("stream", "Stream", [spec.name for spec in STREAMS], every="All streams", show=str)
    rows = frame("health_over_time", **page.during, hourly=int(page.dates.hourly), stream=stream)
    if rows.empty:
        page.nothing()
        _conservation(page, stream)
        health_now.draw(stream)
        return
    _cards(rows)
    _conservation(page, stream)
    health_now.draw(stream)
    _over_time(page, rows)
    _reasons(page, stream)
    _freshness(page)
    _loads(page, stream)


def _cards(rows: pd.DataFrame) -> None:
    landed, loaded, bad = rows["records"].sum(), rows["loaded"].sum(), rows["quarantined"].sum()
    replayed = words.number(rows["replayed"].sum())
    cards(
        (
            Card("Landed", words.number(landed), f"Records in the objects of S3. {_SUM}"),
            Card(
                "Loaded",
                words.number(loaded),
                f"Records that are rows of a table, {replayed} of them replayed from quarantine. {_SUM}",
            ),
            Card(
                "Quarantined",
                words.number(bad) + (f" ({words.percent(100 * bad / landed)})" if bad else ""),
                "Bad records that were neither replayed nor discarded, kept under invalid/ with their bytes and reasons; and "
                f"their share of what landed. {_SUM}",
            ),
            Card(
                "Duplicates",
                words.number(rows["duplicates_dropped"].sum()),
                f"Dropped because the stream says so. {_SUM}",
            ),
            Card(
                "Discarded",
                words.number(rows["discarded"].sum()),
                f"Bad records that somebody gave up, by name and with a reason. {_SUM}",
            ),
        )
    )


def _conservation(page: Page, stream: str) -> None:
    """In words: does every record that landed have its place, and do the tables hold what the ledger says?"""
    found = {
        spec.name: queries.frame_of(Conservation(spec).sql(), **page.during).iloc[0]
        for spec in STREAMS
        if stream in ("", spec.name)
    }
    faults = [
        _fault(name, int(row[count]), row[f"first_{count}"], what)
        for count, what in _FAULTS.items()
        for name, row in found.items()
        if row["hours"] and row[count]
    ]
    hours = sum(int(row["hours"]) for row in found.values())
    if faults:
        st.error("**It does not add up.** " + " ".join(faults), icon=":material/error:")
    elif hours:
        st.success(
            f"**Every record is accounted for.** In each of {hours:,} loaded hours, landed = loaded + replayed + quarantined + "
            "duplicates dropped + discarded, and the tables hold exactly what the ledger says.",
            icon=":material/check_circle:",
        )


_FAULTS = {
    "unaccounted": "the ledger does not account for every record",
    "differing": "the table holds other rows than the ledger says",
}


def _fault(name: str, hours: int, first: Any, what: str) -> str:
    more = f" and {hours - 1:,} more hours" if hours > 1 else ""
    return f"{words.escaped(name)}, {pd.Timestamp(first):%-d %b %Y %H:00}{more}: {what}."


def _over_time(page: Page, rows: pd.DataFrame) -> None:
    hourly = page.dates.hourly
    every = "hour" if hourly else "day"
    left, right = st.columns([3, 2], border=True)
    parts = [
        rows.assign(fate=said, records=rows[column])[["period", "stream", "fate", "records"]]
        for column, said in _FATES.items()
    ]
    fates = pd.concat(parts)
    with left:
        heading(
            f"What became of the records, by {every} of landing",
            "By the hour in which their objects landed in S3.",
        )
        shown = filled(fates, page.dates, "fate", ["records"])
        columns(
            shown,
            Time(hourly),
            _RECORDS,
            "fate",
            alt_text=f"Records by {every}: loaded, quarantined, dropped",
        )
    with right:
        heading(
            "Quarantined by stream",
            "Their bytes, places and reasons stand in S3 under invalid/.",
        )
        bad = summed(fates[fates["fate"] == "quarantined"], "stream", "records")
        bars(
            bad,
            "stream",
            _RECORDS,
            page.pick("stream", page.asked.one("stream")),
            alt_text="Quarantined by stream",
        )


def _reasons(page: Page, stream: str) -> None:
    """Why records are bad: the kinds of reasons over time, and each reason with the column that it names."""
    hourly = page.dates.hourly
    every = "hour" if hourly else "day"
    rows = frame("health_reasons", **page.during, hourly=int(hourly), stream=stream)
    if rows.empty:
        return
    rows = rows.assign(kind=[reason.partition(":")[0].replace("_", " ") for reason in rows["reason"]])
    left, right = st.columns([3, 2], border=True)
    with left:
        heading(
            f"Why records are still in quarantine, by {every} of landing",
            "Without those that were replayed or discarded. A record with two reasons counts under both.",
        )
        shown = filled(rows, page.dates, "kind", ["records"])
        columns(shown, Time(hourly), _RECORDS, "kind", alt_text=f"Quarantined by {every} and kind of reason")
    with right:
        heading("Reasons", "With the column that each is about.")
        table(
            summed(rows, "reason", "records"),
            {"records": Column("Records", "count"), "reason": Column("Reason")},
            "reasons",
        )


def _freshness(page: Page) -> None:
    now = datetime.now(UTC).replace(tzinfo=None)
    streams = frame("health_freshness", **page.during)
    streams = streams.assign(
        age=[
            words.duration((now - pd.Timestamp(hour)).total_seconds() - 3600)
            for hour in streams["newest_hour"]
        ],
        lag=[words.duration(secs) for secs in streams["lag_secs"]],
    )
    with st.container(border=True):
        heading("How fresh each stream is")
        table(streams, _FRESHNESS_COLUMNS, "freshness")
    with st.container(border=True):
        heading("How fresh the KPIs are")
        _kpis(page)


def _kpis(page: Page) -> None:
    """Which periods of the chosen days were computed before their sources changed last."""
    refreshed = frame("health_refreshes").set_index("table_name")
    stale = {table_.name: _stale(page, table_) for table_ in TABLES}
    late = {name: hours for name, hours in stale.items() if hours}
    if late:
        named = ", ".join(f"{words.escaped(name)} ({len(hours):,})" for name, hours in late.items())
        st.warning(
            f"**Some figures are older than their records.** Periods to compute anew: {named}. Dagster does it by "
            "itself; materialize the KPI assets to have it now.",
            icon=":material/update:",
        )
    else:
        st.success(
            "**Every KPI is up to date** with what is loaded of these days.", icon=":material/check_circle:"
        )
    rows = pd.DataFrame(
        {
            "table": [table_.name for table_ in TABLES],
            "team": [table_.team for table_ in TABLES],
            "stale": [len(stale[table_.name]) for table_ in TABLES],
            "newest": [_last(refreshed, table_, "newest_period") for table_ in TABLES],
            "computed": [_last(refreshed, table_, "last_refresh") for table_ in TABLES],
        }
    )
    table(rows, _KPI_COLUMNS, "kpi-freshness")


def _stale(page: Page, derived: DerivedTable) -> list[datetime]:
    """Of those that have partitions: events of a clock that is ahead wait for theirs."""
    bounds = {"period_start": page.dates.start, "period_end": page.dates.until}
    first, now = FIRST_HOUR.start.replace(tzinfo=None), datetime.now(UTC).replace(tzinfo=None)
    periods = queries.frame_of(StalePeriods(derived).sql(), **bounds)["period"].tolist()
    return [start for start in periods if first <= start < now]


def _last(refreshed: pd.DataFrame, derived: DerivedTable, column: str) -> Any:
    return refreshed[column].get(derived.qualified)


_FRESHNESS_COLUMNS: dict[str, Column] = {
    "stream": Column("Stream"),
    "newest_hour": Column("Newest hour (UTC)", "time", "The newest landing hour that is loaded."),
    "age": Column("Ended ago", help="How long ago that hour ended."),
    "last_load": Column("Last load (UTC)", "time", "When records of the stream were loaded last."),
    "lag": Column(
        "Usual lag",
        help="Of the chosen days, the middle one of the times from the end of an hour to its load.",
    ),
}
_KPI_COLUMNS: dict[str, Column] = {
    "table": Column("Table"),
    "team": Column("Team"),
    "stale": Column(
        "Periods to compute anew", "count", "Hours or days whose sources changed after they were computed."
    ),
    "newest": Column("Newest period (UTC)", "time", "The newest hour or day that was computed."),
    "computed": Column("Computed (UTC)", "time", "When any of its periods was computed last."),
}


def _loads(page: Page, stream: str) -> None:
    rows = first_rows("health_loads", **page.during, stream=stream)
    url = DashboardSettings.from_env().dagster_url
    rows["run"] = [run_url(url, run_id) for run_id in rows["run_id"]]
    heading("Last loads", "Each row is what one run loaded of one hour of a stream.")
    shown = {
        "loaded_at": Column("Loaded (UTC)", "time"),
        "stream": Column("Stream"),
        "landing_hour": Column("Hour (UTC)", "time", "The hour in which the objects landed."),
        "run": Column("Run", "link", "The run in Dagster."),
        "objects": Column("Objects", "count"),
        "records": Column("Landed", "count"),
        "loaded": Column("Loaded", "count"),
        "quarantined": Column("Quarantined", "count"),
        "duplicates_dropped": Column("Duplicates", "count"),
    }
    if url is None:
        del shown["run"]
    table(rows, shown, "last-loads")


def run_url(dagster_url: str | None, run_id: object) -> str | None:
    """The page of a run in Dagster's UI; None for what is no run's id."""
    if dagster_url and isinstance(run_id, str) and _RUN_ID.fullmatch(run_id):
        return f"{dagster_url}/runs/{run_id}"
    return None


PAGE = PageSpec(
    title="Pipeline health",
    path="pipeline-health",
    icon=":material/monitor_heart:",
    intro="What landed in S3, what became of it, whether it adds up, and how fresh it is. Days are those of landing.",
    names=("stream",),
    span_query="health_span",
    where_from="Nothing was loaded: deliver with `weblogs traffic` and load with `weblogs load`, or see Dagster.",
    draw=_draw,
    beyond_kpis="the ledger, quarantine and alerts are not among them. Runs, checks and their failures are in Dagster; "
    "`weblogs verify` says whether every record is accounted for, and what is late.",
)
