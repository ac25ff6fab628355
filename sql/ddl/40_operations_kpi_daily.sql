CREATE TABLE IF NOT EXISTS shopware_kpis.operations_kpi_daily (
    analysis_date       DATE             NOT NULL ENCODE raw,
    product_id          INTEGER          NOT NULL ENCODE az64,
    transactions        BIGINT           NOT NULL ENCODE az64,
    units_sold          BIGINT           NOT NULL ENCODE az64,
    avg_stock_level     DOUBLE PRECISION          ENCODE zstd,
    inventory_turnover  DOUBLE PRECISION          ENCODE zstd,
    restock_frequency   BIGINT           NOT NULL ENCODE az64,
    stockout_alert      BOOLEAN          NOT NULL ENCODE zstd,
    PRIMARY KEY (analysis_date, product_id)
)
DISTKEY (product_id)
SORTKEY (analysis_date);
