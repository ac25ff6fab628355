-- Every valid record of every delivery; the latest of an inventory_id and last_updated is the one of the highest
-- (delivered_at, landing_hour, record_number).
CREATE TABLE IF NOT EXISTS shopware_processed.inventory_records (
    inventory_id       VARCHAR(64)  ENCODE zstd,
    product_id         INT          ENCODE az64,
    warehouse_id       INT          ENCODE az64,
    stock_level        INT          ENCODE az64,
    restock_threshold  INT          ENCODE az64,
    last_updated       TIMESTAMP    ENCODE az64,
    delivered_at       TIMESTAMP    ENCODE az64,
    record_number      BIGINT       ENCODE az64,
    landing_hour       TIMESTAMP    NOT NULL,
    event_at           TIMESTAMP    NOT NULL ENCODE az64
)
DISTKEY (inventory_id)
SORTKEY (landing_hour);
