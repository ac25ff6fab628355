CREATE TABLE IF NOT EXISTS shopware_kpis.inventory_kpi_daily (
    analysis_date               DATE    NOT NULL ENCODE raw,
    warehouse_id                INTEGER NOT NULL ENCODE az64,
    total_stock_level           BIGINT  NOT NULL ENCODE az64,
    distinct_products_in_stock  BIGINT  NOT NULL ENCODE az64,
    products_in_stock           BIGINT  NOT NULL ENCODE az64,
    products_low_stock          BIGINT  NOT NULL ENCODE az64,
    products_out_of_stock       BIGINT  NOT NULL ENCODE az64,
    PRIMARY KEY (analysis_date, warehouse_id)
)
DISTSTYLE ALL
SORTKEY (analysis_date);
