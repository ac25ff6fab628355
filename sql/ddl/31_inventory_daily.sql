CREATE TABLE IF NOT EXISTS shopware_processed.inventory_daily (
    inventory_id       VARCHAR(64) NOT NULL ENCODE zstd,
    product_id         INTEGER     NOT NULL ENCODE az64,
    warehouse_id       INTEGER     NOT NULL ENCODE az64,
    stock_level        INTEGER     NOT NULL ENCODE az64,
    restock_threshold  INTEGER              ENCODE az64,
    last_updated       TIMESTAMP   NOT NULL ENCODE raw,
    stock_status       VARCHAR(16) NOT NULL ENCODE zstd,
    needs_restock      BOOLEAN     NOT NULL ENCODE zstd,
    processing_date    DATE        NOT NULL ENCODE az64,
    run_id             VARCHAR(64) NOT NULL ENCODE zstd,
    loaded_at          TIMESTAMP   NOT NULL ENCODE az64,
    PRIMARY KEY (inventory_id, last_updated)
)
DISTKEY (product_id)
SORTKEY (last_updated);
