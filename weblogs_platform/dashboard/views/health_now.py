"""What is open now, whatever days are chosen: what went wrong, what is in quarantine, what landed and is not loaded."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pandas as pd
import streamlit as st

from weblogs_platform.dashboard import words
from weblogs_platform.dashboard.charts import heading
from weblogs_platform.dashboard.queries import first_rows, frame
from weblogs_platform.dashboard.tables import Column, table
from weblogs_platform.settings import DashboardSettings


def draw(stream: str) -> None:
    """The three parts, each a sentence, and a table where there is something to look at."""
    _troubles()
    _quarantine(stream)
    _reconcile(stream)


def _troubles() -> None:
    rows = first_rows("health_alerts")
    with st.container(border=True):
        heading("What is wrong now", "Runs and checks that failed and were not well since, for all streams.")
        if rows.empty:
            st.success("**No run and no check is failing.**", icon=":material/check_circle:")
            return
        url = DashboardSettings.from_env().dagster_url
        rows["run"] = [f"{url}/runs/{run_id}" if url else None for run_id in rows["run_id"]]
        columns = dict(_TROUBLE_COLUMNS)
        if url is None:
            del columns["run"]
        table(rows, columns, "troubles")


def _quarantine(stream: str) -> None:
    now = _now()
    rows = first_rows(
        "health_quarantine",
        stream=stream,
        day=_to_minute(now - timedelta(days=1)),
        week=_to_minute(now - timedelta(days=7)),
    )
    settled = frame("health_settled", stream=stream)
    with st.container(border=True):
        heading(
            "In quarantine now, by reason and age",
            "Records that were neither replayed nor discarded, whenever they landed. One with two reasons counts under "
            "both. Bring them back with the job replay or `weblogs quarantine`.",
        )
        if rows.empty:
            st.success("**Quarantine is empty.**", icon=":material/check_circle:")
        else:
            table(rows.assign(age=_ages(rows["oldest"], now)), _OPEN_COLUMNS, "open-quarantine")
        if not settled.empty:
            heading("What became of quarantine", "Of all records that were ever put there and count now.")
            table(settled, _SETTLED_COLUMNS, "settled-quarantine")


def _reconcile(stream: str) -> None:
    now = _now()
    rows, looks = first_rows("health_findings", stream=stream), frame("health_looks", stream=stream)
    with st.container(border=True):
        heading(
            "Landed and not loaded",
            "What the hourly reconcile found in S3 at its last look, and the ledger has not had since.",
        )
        if looks.empty:
            st.info(
                "The reconcile has not looked yet: it does so every hour, from Dagster.",
                icon=":material/schedule:",
            )
            return
        if rows.empty:
            st.success(
                "**The ledger has everything that the reconcile saw.**", icon=":material/check_circle:"
            )
        else:
            rows = rows.assign(age=_ages(rows["modified_at"], now), known=_ages(rows["first_at"], now))
            table(rows, _FINDING_COLUMNS, "not-loaded")
        table(looks.assign(ago=_ages(looks["looked_at"], now)), _LOOK_COLUMNS, "looks")


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


def _to_minute(moment: datetime) -> datetime:
    """So that the answer is kept for half a minute, as others are."""
    return moment.replace(second=0, microsecond=0)


def _ages(moments: pd.Series[datetime], now: datetime) -> list[str]:
    return [words.duration((now - pd.Timestamp(moment)).total_seconds()) for moment in moments]


_TROUBLE_COLUMNS: dict[str, Column] = {
    "kind": Column("What", help="A run, or the check that failed."),
    "about": Column("Where", help="The step or the asset."),
    "partition_key": Column("Partition (UTC)"),
    "summary": Column("Why"),
    "times": Column("Found", "count", "How many runs found it, one after the other."),
    "first_at": Column("Since (UTC)", "time"),
    "run": Column("Run", "link", "The last of these runs, in Dagster."),
}
_OPEN_COLUMNS: dict[str, Column] = {
    "stream": Column("Stream"),
    "reason": Column("Reason", help="With the column that it is about."),
    "records": Column("Open", "count", "Records that are in quarantine for it."),
    "age": Column("Oldest", help="Since when the oldest of them is in quarantine."),
    "of_a_day": Column("Of a day", "count", "In quarantine for less than 24 hours."),
    "of_a_week": Column("Of a week", "count", "For one to seven days."),
    "older": Column("Older", "count", "For more than seven days."),
}
_SETTLED_COLUMNS: dict[str, Column] = {
    "stream": Column("Stream"),
    "still_open": Column("Open", "count"),
    "replayed": Column("Replayed", "count", "Repaired or judged anew, and loaded."),
    "discarded": Column("Discarded", "count", "Taken out by a person, with a reason."),
}
_FINDING_COLUMNS: dict[str, Column] = {
    "stream": Column("Stream"),
    "landing_hour": Column("Hour (UTC)", "time", "The hour in which the object landed."),
    "age": Column("Age", help="Since it was written."),
    "known": Column("Found", help="How long ago the reconcile found it first."),
    "kind": Column(
        "Kind",
        help="New; rewritten: the ledger has another version; stray, outside: its name is that of no hour, nothing loads it.",
    ),
    "size_bytes": Column("Bytes", "count"),
    "object_key": Column("Object"),
}
_LOOK_COLUMNS: dict[str, Column] = {
    "stream": Column("Stream"),
    "ago": Column("Looked", help="How long ago the reconcile looked last."),
    "objects": Column("Objects", "count", "In S3, in the days that it looked at."),
    "not_loaded": Column("Not loaded", "count", "Of all that it knows, at that moment."),
    "said": Column("It said"),
}
