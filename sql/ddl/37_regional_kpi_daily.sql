CREATE TABLE IF NOT EXISTS shopware_kpis.regional_kpi_daily (
    analysis_date              DATE          NOT NULL ENCODE raw,
    store_id                   INTEGER       NOT NULL ENCODE az64,
    store_daily_revenue        DECIMAL(18,2) NOT NULL ENCODE az64,
    store_daily_quantity_sold  BIGINT        NOT NULL ENCODE az64,
    store_daily_transactions   BIGINT        NOT NULL ENCODE az64,
    PRIMARY KEY (analysis_date, store_id)
)
DISTSTYLE ALL
SORTKEY (analysis_date);
