"""The tables of the support team: customer contacts by hour and by day."""

from __future__ import annotations

from weblogs_platform.core.derived import DerivedTable
from weblogs_platform.kpis.columns import DOUBLE, INTERACTIONS, column, day, of

SUPPORT_KPI_DAILY = DerivedTable(
    schema="shopware_kpis",
    name="support_kpi_daily",
    team="support",
    description="The day's customer contacts. Contacts without a rating never count in averages of ratings.",
    grain="day",
    period_column="analysis_date",
    key=("analysis_date",),
    sources=(INTERACTIONS,),
    columns=(
        day(*of(INTERACTIONS, "event_at")),
        column(
            "feedback_score",
            DOUBLE,
            "Average rating of Feedback contacts that have one; null without.",
            *of(INTERACTIONS, "rating", "interaction_type"),
            nullable=True,
            headline="avg",
        ),
        column(
            "total_interactions",
            "BIGINT",
            "Number of contacts.",
            *of(INTERACTIONS, "customer_id"),
            headline="sum",
        ),
        column(
            "unique_customers",
            "BIGINT",
            "Number of different customers.",
            *of(INTERACTIONS, "customer_id"),
            headline="sum",
        ),
        column(
            "low_rating_pct",
            DOUBLE,
            "Contacts rated 1 or 2 as a share of the rated ones, in percent; null when none is rated.",
            *of(INTERACTIONS, "rating"),
            nullable=True,
            headline="avg",
        ),
        column(
            "avg_time_to_resolution_secs",
            DOUBLE,
            "A proxy, as nothing records when a complaint is resolved: for each customer with two or more complaints "
            "that day the seconds from first to last, averaged over those customers; null without any.",
            *of(INTERACTIONS, "event_at", "customer_id", "interaction_type"),
            nullable=True,
        ),
        column(
            "avg_rating",
            DOUBLE,
            "Average rating of all contacts that have one; null without.",
            *of(INTERACTIONS, "rating"),
            nullable=True,
            headline="avg",
        ),
        column("rated_interactions", "BIGINT", "Contacts with a rating.", *of(INTERACTIONS, "rating")),
        column("low_ratings", "BIGINT", "Contacts rated 1 or 2.", *of(INTERACTIONS, "rating")),
        *(
            column(
                f"{kind.lower()}_count",
                "BIGINT",
                f"{kind} contacts.",
                *of(INTERACTIONS, "interaction_type"),
            )
            for kind in ("Feedback", "Loyalty", "Complaint")
        ),
        *(
            column(
                f"{channel.lower()}_count",
                "BIGINT",
                f"Contacts by {channel}.",
                *of(INTERACTIONS, "channel"),
            )
            for channel in ("Email", "App", "Phone")
        ),
        column(
            "unknown_channel_count",
            "BIGINT",
            "Contacts by no or any other channel; with Email, App and Phone they add up to all.",
            *of(INTERACTIONS, "channel"),
        ),
    ),
)

INTERACTIONS_HOURLY = DerivedTable(
    schema="shopware_kpis",
    name="interactions_hourly",
    team="support",
    description="Customer contacts by hour, type and channel, with the distribution of their ratings.",
    grain="hour",
    period_column="event_hour",
    key=("event_hour", "interaction_type", "channel"),
    sources=(INTERACTIONS,),
    volume_band=(0.2, 5.0),
    columns=(
        column("event_hour", "TIMESTAMP", "The hour, UTC.", *of(INTERACTIONS, "event_at")),
        column(
            "interaction_type",
            "VARCHAR(50)",
            "Feedback, Loyalty or Complaint; Unknown when missing.",
            *of(INTERACTIONS, "interaction_type"),
        ),
        column(
            "channel",
            "VARCHAR(50)",
            "Email, App or Phone; Unknown when missing.",
            *of(INTERACTIONS, "channel"),
        ),
        column(
            "interactions",
            "BIGINT",
            "Number of contacts.",
            *of(INTERACTIONS, "customer_id"),
            headline="sum",
        ),
        *(
            column(f"rating_{n}", "BIGINT", f"Contacts rated {n}.", *of(INTERACTIONS, "rating"))
            for n in range(1, 6)
        ),
        column("unrated", "BIGINT", "Contacts without a rating.", *of(INTERACTIONS, "rating")),
    ),
)
