"""The tables of the operations team: every stock snapshot, and stock by warehouse and product."""

from __future__ import annotations

from weblogs_platform.core.derived import DerivedTable
from weblogs_platform.kpis.columns import (
    DOUBLE,
    INVENTORY,
    INVENTORY_RECORDS,
    LOADED_BY,
    POS,
    column,
    day,
    of,
)

INVENTORY_DAILY = DerivedTable(
    schema="shopware_processed",
    name="inventory_daily",
    team="operations",
    description=(
        "Every stock snapshot once: of the records that share inventory id and time, the one delivered last. "
        "A product has many snapshots a day; they must not be added up."
    ),
    grain="day",
    period_column="last_updated",
    key=("inventory_id", "last_updated"),
    sources=(INVENTORY_RECORDS,),
    columns=(
        column("inventory_id", "VARCHAR(64)", "The stock count.", *of(INVENTORY_RECORDS, "inventory_id")),
        column("product_id", "INTEGER", "The product counted.", *of(INVENTORY_RECORDS, "product_id")),
        column("warehouse_id", "INTEGER", "Where it was counted.", *of(INVENTORY_RECORDS, "warehouse_id")),
        column("stock_level", "INTEGER", "Units in stock.", *of(INVENTORY_RECORDS, "stock_level")),
        column(
            "restock_threshold",
            "INTEGER",
            "Units at or below which to restock; null when none is set.",
            *of(INVENTORY_RECORDS, "restock_threshold"),
            nullable=True,
        ),
        column(
            "last_updated",
            "TIMESTAMP",
            "When it was counted, UTC.",
            *of(INVENTORY_RECORDS, "last_updated", "event_at"),
        ),
        column(
            "stock_status",
            "VARCHAR(16)",
            "OUT_OF_STOCK at 0, LOW_STOCK below 10, else IN_STOCK.",
            *of(INVENTORY_RECORDS, "stock_level"),
        ),
        column(
            "needs_restock",
            "BOOLEAN",
            "Whether stock is at or below the threshold; false without a threshold.",
            *of(INVENTORY_RECORDS, "stock_level", "restock_threshold"),
        ),
        column(
            "processing_date",
            "DATE",
            "Day of the landing hour of the record that counts, UTC.",
            *of(INVENTORY_RECORDS, "landing_hour"),
        ),
        *LOADED_BY,
    ),
)

INVENTORY_KPI_DAILY = DerivedTable(
    schema="shopware_kpis",
    name="inventory_kpi_daily",
    team="operations",
    description=(
        "Each warehouse's stock at the end of the day: the latest snapshot of the day of every product. "
        "Products that were not counted that day are not in it."
    ),
    grain="day",
    period_column="analysis_date",
    key=("analysis_date", "warehouse_id"),
    sources=(INVENTORY,),
    columns=(
        day(*of(INVENTORY, "last_updated")),
        column("warehouse_id", "INTEGER", "The warehouse.", *of(INVENTORY, "warehouse_id")),
        column(
            "total_stock_level",
            "BIGINT",
            "Units in stock, over the latest snapshot of each product.",
            *of(INVENTORY, "stock_level", "product_id", "last_updated", "inventory_id"),
            headline="sum",
        ),
        column(
            "distinct_products_in_stock",
            "BIGINT",
            "Products with at least one unit in their latest snapshot.",
            *of(INVENTORY, "product_id", "stock_level", "last_updated", "inventory_id"),
        ),
        *(
            column(
                name,
                "BIGINT",
                f"Products whose latest snapshot is {status}.",
                *of(INVENTORY, "stock_status", "product_id", "last_updated", "inventory_id"),
                headline="sum",
            )
            for name, status in (
                ("products_in_stock", "IN_STOCK (10 units or more)"),
                ("products_low_stock", "LOW_STOCK (1 to 9 units)"),
                ("products_out_of_stock", "OUT_OF_STOCK (0 units)"),
            )
        ),
    ),
)

OPERATIONS_KPI_DAILY = DerivedTable(
    schema="shopware_kpis",
    name="operations_kpi_daily",
    team="operations",
    description="The day of each product that was sold or counted: sales of all stores, stock of all warehouses.",
    grain="day",
    period_column="analysis_date",
    key=("analysis_date", "product_id"),
    sources=(POS, INVENTORY),
    columns=(
        day(*of(POS, "transaction_timestamp"), *of(INVENTORY, "last_updated")),
        column(
            "product_id",
            "INTEGER",
            "The product.",
            *of(POS, "product_id"),
            *of(INVENTORY, "product_id"),
        ),
        column(
            "transactions",
            "BIGINT",
            "Number of the product's sales.",
            *of(POS, "transaction_id"),
            headline="sum",
        ),
        column("units_sold", "BIGINT", "Sum of units sold.", *of(POS, "quantity"), headline="sum"),
        column(
            "avg_stock_level",
            DOUBLE,
            "Average stock over the product's snapshots of the day; null without snapshots.",
            *of(INVENTORY, "stock_level"),
            nullable=True,
        ),
        column(
            "inventory_turnover",
            DOUBLE,
            "Units sold divided by the average stock; null without snapshots or when that average is 0.",
            *of(POS, "quantity"),
            *of(INVENTORY, "stock_level"),
            nullable=True,
            headline="avg",
        ),
        column(
            "restock_frequency",
            "BIGINT",
            "Snapshots of the day with stock at or below the threshold.",
            *of(INVENTORY, "needs_restock"),
            headline="sum",
        ),
        column(
            "stockout_alert",
            "BOOLEAN",
            "Whether the product was sold that day and a snapshot of the day, in any warehouse, shows stock 0.",
            *of(POS, "quantity"),
            *of(INVENTORY, "stock_level"),
        ),
    ),
)
