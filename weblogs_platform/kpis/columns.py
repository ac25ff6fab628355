"""What the declarations share: the tables they are computed from, their types, and short forms of a column."""

from __future__ import annotations

from typing import Literal

from weblogs_platform.core.derived import DerivedColumn

MONEY = "DECIMAL(12,2)"
MONEY_SUM = "DECIMAL(18,2)"
DOUBLE = "DOUBLE PRECISION"

POS_RECORDS = "shopware_processed.pos_records"
INVENTORY_RECORDS = "shopware_processed.inventory_records"
WEB_LOGS = "shopware_stream.web_logs_stream"
INTERACTIONS = "shopware_stream.customer_interaction_stream"
POS = "shopware_processed.pos_daily"
INVENTORY = "shopware_processed.inventory_daily"
SESSION = "shopware_kpis.web_session"


def column(
    name: str,
    type_: str,
    description: str,
    *lineage: str,
    nullable: bool = False,
    personal: bool = False,
    headline: Literal["sum", "avg"] | None = None,
) -> DerivedColumn:
    """A column, its lineage given as positional arguments: `*of(table, "column", ...)`."""
    return DerivedColumn(
        name=name,
        type=type_,
        description=description,
        lineage=lineage,
        nullable=nullable,
        personal=personal,
        headline=headline,
    )


def of(table: str, *columns: str) -> tuple[str, ...]:
    """Lineage: those columns of a table."""
    return tuple(f"{table}.{name}" for name in columns)


def day(*lineage: str) -> DerivedColumn:
    """The day that a row is about."""
    return column("analysis_date", "DATE", "The day, UTC.", *lineage)


LOADED_BY = (
    column("run_id", "VARCHAR(64)", "The run that computed the row."),
    column("loaded_at", "TIMESTAMP", "When the row was computed, UTC."),
)
