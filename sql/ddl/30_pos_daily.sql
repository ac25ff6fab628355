CREATE TABLE IF NOT EXISTS shopware_processed.pos_daily (
    transaction_id         VARCHAR(64)   NOT NULL ENCODE zstd,
    store_id               INTEGER       NOT NULL ENCODE az64,
    product_id             INTEGER       NOT NULL ENCODE az64,
    quantity               INTEGER       NOT NULL ENCODE az64,
    revenue                DECIMAL(12,2) NOT NULL ENCODE az64,
    discount_applied       DECIMAL(12,2)          ENCODE az64,
    transaction_timestamp  TIMESTAMP     NOT NULL ENCODE raw,
    net_revenue            DECIMAL(12,2) NOT NULL ENCODE az64,
    sale_category          VARCHAR(16)   NOT NULL ENCODE zstd,
    processing_date        DATE          NOT NULL ENCODE az64,
    run_id                 VARCHAR(64)   NOT NULL ENCODE zstd,
    loaded_at              TIMESTAMP     NOT NULL ENCODE az64,
    PRIMARY KEY (transaction_id)
)
DISTKEY (product_id)
SORTKEY (transaction_timestamp);
