"""The tables of the marketing team: visits, traffic by hour, and the day of both visitors and customers."""

from __future__ import annotations

from weblogs_platform.core.derived import DerivedTable
from weblogs_platform.kpis.columns import DOUBLE, INTERACTIONS, SESSION, WEB_LOGS, column, day, of

WEB_SESSION = DerivedTable(
    schema="shopware_kpis",
    name="web_session",
    team="marketing",
    description=(
        "Every visit once, on the day on which it started, with all its events: also those after midnight and those "
        "that arrived late."
    ),
    grain="day",
    period_column="session_start",
    key=("session_id",),
    sources=(WEB_LOGS,),
    columns=(
        column("session_id", "VARCHAR(255)", "The visit.", *of(WEB_LOGS, "session_id"), personal=True),
        column(
            "user_id",
            "VARCHAR(255)",
            "The account of the visit's first event; null when that was anonymous.",
            *of(WEB_LOGS, "user_id", "event_at"),
            nullable=True,
            personal=True,
        ),
        column("session_start", "TIMESTAMP", "Time of the first event, UTC.", *of(WEB_LOGS, "event_at")),
        column("session_end", "TIMESTAMP", "Time of the last event, UTC.", *of(WEB_LOGS, "event_at")),
        column(
            "session_duration_secs",
            DOUBLE,
            "Seconds from the first to the last event; 0 for a single event.",
            *of(WEB_LOGS, "event_at"),
            headline="avg",
        ),
        column("total_events", "BIGINT", "Number of events.", *of(WEB_LOGS, "session_id"), headline="sum"),
        column("unique_pages", "BIGINT", "Number of different pages.", *of(WEB_LOGS, "page")),
        column(
            "engagement_score",
            "BIGINT",
            "Sum over the events: Click 2, View 1, Scroll 1, anything else 0.",
            *of(WEB_LOGS, "event_type"),
            headline="avg",
        ),
        column("is_bounce", "BOOLEAN", "Whether the visit has one event.", *of(WEB_LOGS, "session_id")),
        column(
            "browser",
            "VARCHAR(255)",
            "Browser of the first event; Unknown when it has none.",
            *of(WEB_LOGS, "browser", "event_at"),
        ),
        column(
            "device_type",
            "VARCHAR(255)",
            "Device of the first event; Unknown when it has none.",
            *of(WEB_LOGS, "device_type", "event_at"),
        ),
        column(
            "entry_page",
            "VARCHAR(255)",
            "Page of the first event; Unknown when it has none.",
            *of(WEB_LOGS, "page", "event_at"),
        ),
    ),
)

WEB_TRAFFIC_HOURLY = DerivedTable(
    schema="shopware_kpis",
    name="web_traffic_hourly",
    team="marketing",
    description=(
        "Events of the web site by hour and dimension. Events add up over rows; sessions and users do not, as one "
        "visit has events in several rows."
    ),
    grain="hour",
    period_column="event_hour",
    key=("event_hour", "event_type", "browser", "device_type", "page"),
    sources=(WEB_LOGS,),
    volume_band=(0.2, 5.0),
    columns=(
        column("event_hour", "TIMESTAMP", "The hour, UTC.", *of(WEB_LOGS, "event_at")),
        column(
            "event_type",
            "VARCHAR(255)",
            "Click, View or Scroll; Unknown when missing.",
            *of(WEB_LOGS, "event_type"),
        ),
        column("browser", "VARCHAR(255)", "Browser; Unknown when missing.", *of(WEB_LOGS, "browser")),
        column("device_type", "VARCHAR(255)", "Device; Unknown when missing.", *of(WEB_LOGS, "device_type")),
        column("page", "VARCHAR(255)", "Page; Unknown when missing.", *of(WEB_LOGS, "page")),
        column("events", "BIGINT", "Number of events.", *of(WEB_LOGS, "event_at"), headline="sum"),
        column(
            "sessions",
            "BIGINT",
            "Number of different visits with such an event in the hour.",
            *of(WEB_LOGS, "session_id"),
        ),
        column(
            "unique_users",
            "BIGINT",
            "Number of different accounts with such an event in the hour.",
            *of(WEB_LOGS, "user_id"),
        ),
    ),
)

MARKETING_KPI_DAILY = DerivedTable(
    schema="shopware_kpis",
    name="marketing_kpi_daily",
    team="marketing",
    description="The day's visits, by their start, and what customers said that day. Either may be missing.",
    grain="day",
    period_column="analysis_date",
    key=("analysis_date",),
    sources=(SESSION, INTERACTIONS),
    columns=(
        day(*of(SESSION, "session_start"), *of(INTERACTIONS, "event_at")),
        column(
            "sessions",
            "BIGINT",
            "Number of visits that started that day.",
            *of(SESSION, "session_id"),
            headline="sum",
        ),
        column(
            "unique_users",
            "BIGINT",
            "Number of different accounts of those visits.",
            *of(SESSION, "user_id"),
            headline="sum",
        ),
        column(
            "avg_session_duration",
            DOUBLE,
            "Average seconds from first to last event of those visits; null without visits.",
            *of(SESSION, "session_duration_secs"),
            nullable=True,
            headline="avg",
        ),
        column(
            "bounce_rate_percent",
            DOUBLE,
            "Share of those visits with one event only, in percent; null without visits.",
            *of(SESSION, "is_bounce"),
            nullable=True,
            headline="avg",
        ),
        column(
            "customer_engagement_score",
            DOUBLE,
            "Average rating of Feedback and Complaint contacts that have one; null without.",
            *of(INTERACTIONS, "rating", "interaction_type"),
            nullable=True,
            headline="avg",
        ),
        column(
            "loyalty_activity_rate_percent",
            DOUBLE,
            "Loyalty contacts as a share of all, in percent; null without contacts.",
            *of(INTERACTIONS, "interaction_type"),
            nullable=True,
        ),
    ),
)
