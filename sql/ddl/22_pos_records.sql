-- Every valid record of every delivery; the latest of a transaction is the one of the highest
-- (delivered_at, landing_hour, record_number).
CREATE TABLE IF NOT EXISTS shopware_processed.pos_records (
    transaction_id         VARCHAR(64)   ENCODE zstd,
    store_id               INT           ENCODE az64,
    product_id             INT           ENCODE az64,
    quantity               INT           ENCODE az64,
    revenue                DECIMAL(12,2) ENCODE az64,
    discount_applied       DECIMAL(12,2) ENCODE az64,
    transaction_timestamp  TIMESTAMP     ENCODE az64,
    delivered_at           TIMESTAMP     ENCODE az64,
    record_number          BIGINT        ENCODE az64,
    landing_hour           TIMESTAMP     NOT NULL,
    event_at               TIMESTAMP     NOT NULL ENCODE az64
)
DISTKEY (transaction_id)
SORTKEY (landing_hour);
