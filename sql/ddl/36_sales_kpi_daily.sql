CREATE TABLE IF NOT EXISTS shopware_kpis.sales_kpi_daily (
    analysis_date                 DATE          NOT NULL ENCODE raw,
    total_daily_revenue           DECIMAL(18,2) NOT NULL ENCODE az64,
    total_daily_quantity_sold     BIGINT        NOT NULL ENCODE az64,
    total_daily_discount_given    DECIMAL(18,2) NOT NULL ENCODE az64,
    distinct_products_sold_daily  BIGINT        NOT NULL ENCODE az64,
    average_price_per_item        DECIMAL(18,4)          ENCODE az64,
    PRIMARY KEY (analysis_date)
)
DISTSTYLE ALL
SORTKEY (analysis_date);
