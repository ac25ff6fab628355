CREATE TABLE IF NOT EXISTS shopware_kpis.sales_product_daily (
    analysis_date           DATE             NOT NULL ENCODE raw,
    store_id                INTEGER          NOT NULL ENCODE az64,
    product_id              INTEGER          NOT NULL ENCODE az64,
    total_sales             DECIMAL(18,2)    NOT NULL ENCODE az64,
    total_units             BIGINT           NOT NULL ENCODE az64,
    stock_availability_pct  DOUBLE PRECISION          ENCODE zstd,
    product_turnover_rate   DOUBLE PRECISION          ENCODE zstd,
    PRIMARY KEY (analysis_date, store_id, product_id)
)
DISTKEY (product_id)
SORTKEY (analysis_date);
