"""The declared streams and batch sources: one frozen spec each. Adding one is a spec here, its DDL and its jsonpaths
file."""

from __future__ import annotations

from weblogs_platform.core.errors import InvalidName
from weblogs_platform.core.layout import DatedNames
from weblogs_platform.core.spec import (
    FIRST_PARTITION,
    STAMPS,
    Decimal,
    Double,
    Field,
    Integer,
    StreamSpec,
    Timestamp,
    Varchar,
)

WEB_LOGS = StreamSpec(
    name="web_logs",
    landing_prefix="firehose/web_redshift",
    schema="shopware_stream",
    table="web_logs_stream",
    description="Clicks, views and scrolls of the shop's web site, as Firehose delivers them.",
    owner="team:marketing",
    event_time=("event_timestamp", "ingestion_timestamp"),
    entity="session_id",
    fields=(
        Field(
            column="event_type",
            type=Varchar(255),
            path="$.payload.event_type",
            required=True,
            description="What the visitor did: Click, View or Scroll.",
        ),
        Field(
            column="browser",
            type=Varchar(255),
            path="$.payload.browser",
            description="Browser family: Chrome, Firefox, Edge, Safari.",
        ),
        Field(
            column="device_type",
            type=Varchar(255),
            path="$.payload.device_type",
            description="Desktop, Mobile or Tablet.",
        ),
        Field(
            column="page",
            type=Varchar(255),
            path="$.payload.page",
            description="Path of the page without a leading slash.",
        ),
        Field(
            column="user_id",
            type=Varchar(255),
            path="$.payload.user_id",
            required=True,
            personal=True,
            description="The visitor's account.",
        ),
        Field(
            column="session_id",
            type=Varchar(255),
            path="$.payload.session_id",
            required=True,
            personal=True,
            description="The visit that the event belongs to.",
        ),
        Field(
            column="ingestion_timestamp",
            type=Timestamp(),
            path="$.timestamp",
            description="When the producer took the event in, UTC.",
        ),
        Field(
            column="event_timestamp",
            type=Double(),
            path="$.payload.timestamp",
            description="When the event happened, seconds since 1970 UTC.",
        ),
    ),
)

CUSTOMER_INTERACTIONS = StreamSpec(
    name="customer_interactions",
    landing_prefix="firehose/customer_interactions",
    schema="shopware_stream",
    table="customer_interaction_stream",
    description="Feedback, loyalty and complaint contacts of customers, as Firehose delivers them.",
    owner="team:support",
    event_time=("event_timestamp", "ingestion_timestamp"),
    fields=(
        Field(
            column="customer_id",
            type=Integer(),
            path="$.payload.customer_id",
            required=True,
            personal=True,
            description="The customer's account.",
        ),
        Field(
            column="interaction_type",
            type=Varchar(50),
            path="$.payload.interaction_type",
            required=True,
            description="Feedback, Loyalty or Complaint.",
        ),
        Field(
            column="channel",
            type=Varchar(50),
            path="$.payload.channel",
            description="Email, App or Phone.",
        ),
        Field(
            column="rating",
            type=Integer(),
            path="$.payload.rating",
            minimum=1,
            maximum=5,
            description="1 (worst) to 5 (best); null when the customer gave none.",
        ),
        Field(
            column="message_excerpt",
            type=Varchar(255),
            path="$.payload.message_excerpt",
            personal=True,
            description="The first words of what the customer wrote.",
        ),
        Field(
            column="event_timestamp",
            type=Timestamp(source="epoch_secs"),
            path="$.payload.timestamp",
            required=True,
            description="When the contact happened, UTC.",
        ),
        Field(
            column="ingestion_timestamp",
            type=Timestamp(),
            path="$.timestamp",
            default_sql="SYSDATE",
            description="When the producer took the event in, UTC; the time of the load when it did not say.",
        ),
    ),
)

MOST_MONEY = 4_999_999_999
"""Of one sale: revenue and discount together stay within the DECIMAL(12,2) of what is computed from them, so that no
single absurd row stops the figures of a day."""

POS = StreamSpec(
    name="pos",
    landing_prefix="pos",
    layout=DatedNames("pos", "csv"),
    content="csv",
    schema="shopware_processed",
    table="pos_records",
    description="Sales of the stores, as the tills' daily export delivers them: every valid record of every delivery.",
    owner="team:sales",
    event_time=("transaction_timestamp",),
    entity="transaction_id",
    flat_names={},
    freshness_hours=30,
    fields=(
        Field(
            column="transaction_id",
            type=Varchar(64),
            path="$.transaction_id",
            required=True,
            description="The sale; a later record of the same replaces it.",
        ),
        Field(
            column="store_id",
            type=Integer(),
            path="$.store_id",
            required=True,
            description="The store that sold.",
        ),
        Field(
            column="product_id",
            type=Integer(),
            path="$.product_id",
            required=True,
            description="The product that was sold.",
        ),
        Field(
            column="quantity",
            type=Integer(),
            path="$.quantity",
            required=True,
            minimum=0,
            description="Pieces that were sold.",
        ),
        Field(
            column="revenue",
            type=Decimal(12, 2),
            path="$.revenue",
            required=True,
            minimum=0,
            maximum=MOST_MONEY,
            description="What the pieces cost before the discount.",
        ),
        Field(
            column="discount_applied",
            type=Decimal(12, 2),
            path="$.discount_applied",
            minimum=-MOST_MONEY,
            maximum=MOST_MONEY,
            description="What of it the customer did not have to pay; null when there was no discount.",
        ),
        Field(
            column="transaction_timestamp",
            type=Timestamp(source="epoch_secs"),
            path="$.timestamp",
            required=True,
            max_ahead_hours=24,
            description="When it was sold, UTC.",
        ),
        *STAMPS,
    ),
)

INVENTORY = StreamSpec(
    name="inventory",
    landing_prefix="inventory",
    layout=DatedNames("inventory", "json"),
    schema="shopware_processed",
    table="inventory_records",
    description="Stock of the warehouses, as their hourly export delivers it: every valid record of every delivery.",
    owner="team:operations",
    event_time=("last_updated",),
    flat_names={},
    fields=(
        Field(
            column="inventory_id",
            type=Varchar(64),
            path="$.inventory_id",
            required=True,
            description="The stock; with the time it identifies a snapshot, which a later record of the same replaces.",
        ),
        Field(
            column="product_id",
            type=Integer(),
            path="$.product_id",
            required=True,
            description="The product in stock.",
        ),
        Field(
            column="warehouse_id",
            type=Integer(),
            path="$.warehouse_id",
            required=True,
            description="The warehouse that has it.",
        ),
        Field(
            column="stock_level",
            type=Integer(),
            path="$.stock_level",
            required=True,
            minimum=0,
            description="Pieces in stock.",
        ),
        Field(
            column="restock_threshold",
            type=Integer(),
            path="$.restock_threshold",
            minimum=0,
            description="At so many pieces, or fewer, it has to be restocked; null when nobody set it.",
        ),
        Field(
            column="last_updated",
            type=Timestamp(source="epoch_secs"),
            path="$.last_updated",
            required=True,
            # It is part of the key: a time that cannot be would make two snapshots one, or one two.
            minimum=int(FIRST_PARTITION.start.timestamp()),
            max_ahead_hours=24,
            description="When the stock was so, UTC.",
        ),
        *STAMPS,
    ),
)

FIREHOSE_STREAMS: tuple[StreamSpec, ...] = (WEB_LOGS, CUSTOMER_INTERACTIONS)
"""What Firehose delivers, in hour folders and envelopes."""

BATCH_SOURCES: tuple[StreamSpec, ...] = (POS, INVENTORY)
"""What other systems drop as whole files, the time in their names."""

STREAMS: tuple[StreamSpec, ...] = (*FIREHOSE_STREAMS, *BATCH_SOURCES)
"""All of them: each is validated, loaded and shown."""

FIRST_HOUR = min(spec.first_hour for spec in STREAMS)
"""Nothing has partitions before it."""


def stream_named(name: str) -> StreamSpec:
    """The stream of that name. Raises InvalidName, listing the names there are."""
    for spec in STREAMS:
        if spec.name == name:
            return spec
    raise InvalidName(f"no stream {name!r}; there are: {', '.join(s.name for s in STREAMS)}")
