"""The tables of the sales team: every sale, and the sales of a day, a store and a product."""

from __future__ import annotations

from weblogs_platform.core.derived import DerivedTable
from weblogs_platform.kpis.columns import (
    DOUBLE,
    INVENTORY,
    LOADED_BY,
    MONEY,
    MONEY_SUM,
    POS,
    POS_RECORDS,
    column,
    day,
    of,
)

POS_DAILY = DerivedTable(
    schema="shopware_processed",
    name="pos_daily",
    team="sales",
    description=(
        "Every sale once: of the records that share a transaction, the one delivered last. It belongs to the day "
        "of that record, also when an earlier delivery had put it on another."
    ),
    grain="day",
    period_column="transaction_timestamp",
    key=("transaction_id",),
    sources=(POS_RECORDS,),
    columns=(
        column("transaction_id", "VARCHAR(64)", "The sale.", *of(POS_RECORDS, "transaction_id")),
        column("store_id", "INTEGER", "The store that sold.", *of(POS_RECORDS, "store_id")),
        column("product_id", "INTEGER", "The product sold.", *of(POS_RECORDS, "product_id")),
        column("quantity", "INTEGER", "Units sold.", *of(POS_RECORDS, "quantity"), headline="sum"),
        column(
            "revenue",
            MONEY,
            "Gross revenue, before the discount.",
            *of(POS_RECORDS, "revenue"),
            headline="sum",
        ),
        column(
            "discount_applied",
            MONEY,
            "Discount as delivered; null when the till gave none.",
            *of(POS_RECORDS, "discount_applied"),
            nullable=True,
        ),
        column(
            "transaction_timestamp",
            "TIMESTAMP",
            "When the sale happened, UTC.",
            *of(POS_RECORDS, "transaction_timestamp", "event_at"),
        ),
        column(
            "net_revenue",
            MONEY,
            "Gross revenue minus the discount; a null discount counts as 0.",
            *of(POS_RECORDS, "revenue", "discount_applied"),
            headline="sum",
        ),
        column(
            "sale_category",
            "VARCHAR(16)",
            "By gross revenue: HIGH_VALUE from 100, MEDIUM_VALUE from 50, else LOW_VALUE.",
            *of(POS_RECORDS, "revenue"),
        ),
        column(
            "processing_date",
            "DATE",
            "Day of the landing hour of the record that counts, UTC.",
            *of(POS_RECORDS, "landing_hour"),
        ),
        *LOADED_BY,
    ),
)

SALES_KPI_DAILY = DerivedTable(
    schema="shopware_kpis",
    name="sales_kpi_daily",
    team="sales",
    description="The day's sales of all stores together. A day without sales has no row.",
    grain="day",
    period_column="analysis_date",
    key=("analysis_date",),
    sources=(POS,),
    columns=(
        day(*of(POS, "transaction_timestamp")),
        column(
            "total_daily_revenue",
            MONEY_SUM,
            "Sum of gross revenue.",
            *of(POS, "revenue"),
            headline="sum",
        ),
        column(
            "total_daily_quantity_sold",
            "BIGINT",
            "Sum of units sold.",
            *of(POS, "quantity"),
            headline="sum",
        ),
        column(
            "total_daily_discount_given",
            MONEY_SUM,
            "Sum of discounts; a null discount counts as 0.",
            *of(POS, "discount_applied"),
            headline="sum",
        ),
        column(
            "distinct_products_sold_daily",
            "BIGINT",
            "Number of different products sold.",
            *of(POS, "product_id"),
        ),
        column(
            "average_price_per_item",
            "DECIMAL(18,4)",
            "Sum of gross revenue divided by sum of units, so weighted by units; rounded half up to four decimals; "
            "null when no unit was sold.",
            *of(POS, "revenue", "quantity"),
            nullable=True,
            headline="avg",
        ),
    ),
)

REGIONAL_KPI_DAILY = DerivedTable(
    schema="shopware_kpis",
    name="regional_kpi_daily",
    team="sales",
    description="The day's sales of each store. The stores of a day add up to the sales of the day.",
    grain="day",
    period_column="analysis_date",
    key=("analysis_date", "store_id"),
    sources=(POS,),
    columns=(
        day(*of(POS, "transaction_timestamp")),
        column("store_id", "INTEGER", "The store.", *of(POS, "store_id")),
        column(
            "store_daily_revenue",
            MONEY_SUM,
            "Sum of the store's gross revenue.",
            *of(POS, "revenue"),
            headline="sum",
        ),
        column(
            "store_daily_quantity_sold",
            "BIGINT",
            "Sum of units the store sold.",
            *of(POS, "quantity"),
            headline="sum",
        ),
        column(
            "store_daily_transactions",
            "BIGINT",
            "Number of the store's sales.",
            *of(POS, "transaction_id"),
            headline="sum",
        ),
    ),
)

SALES_PRODUCT_DAILY = DerivedTable(
    schema="shopware_kpis",
    name="sales_product_daily",
    team="sales",
    description=(
        "The day's sales of each product in each store, with the product's stock of that day over all warehouses. "
        "A sale without a stock snapshot that day still counts; its stock figures are null."
    ),
    grain="day",
    period_column="analysis_date",
    key=("analysis_date", "store_id", "product_id"),
    sources=(POS, INVENTORY),
    columns=(
        day(*of(POS, "transaction_timestamp")),
        column("store_id", "INTEGER", "The store.", *of(POS, "store_id")),
        column("product_id", "INTEGER", "The product.", *of(POS, "product_id")),
        column(
            "total_sales",
            MONEY_SUM,
            "Sum of gross revenue of the product in the store.",
            *of(POS, "revenue"),
            headline="sum",
        ),
        column(
            "total_units",
            "BIGINT",
            "Sum of units of the product sold in the store.",
            *of(POS, "quantity"),
            headline="sum",
        ),
        column(
            "stock_availability_pct",
            DOUBLE,
            "Share of the product's stock snapshots of the day, in percent, with more stock than the threshold (than 0 "
            "without a threshold); null without snapshots.",
            *of(INVENTORY, "stock_level", "restock_threshold", "product_id", "last_updated"),
            nullable=True,
            headline="avg",
        ),
        column(
            "product_turnover_rate",
            DOUBLE,
            "Units sold in the store divided by the average stock of the product's snapshots of the day; null without "
            "snapshots or when that average is 0.",
            *of(POS, "quantity"),
            *of(INVENTORY, "stock_level", "product_id", "last_updated"),
            nullable=True,
        ),
    ),
)
