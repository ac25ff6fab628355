-- The key holds the time of the snapshot, so records of one key lie in one period.
INSERT INTO shopware_processed.inventory_daily (
    inventory_id, product_id, warehouse_id, stock_level, restock_threshold, last_updated, stock_status, needs_restock,
    processing_date, run_id, loaded_at
)
WITH delivered AS (
    -- The first three say which delivery is the latest; the others only decide between two that say the same.
    SELECT
        records.*,
        ROW_NUMBER() OVER (
            PARTITION BY records.inventory_id, records.event_at
            ORDER BY
                records.delivered_at DESC NULLS LAST, records.landing_hour DESC, records.record_number DESC NULLS LAST,
                records.product_id, records.warehouse_id, records.stock_level, records.restock_threshold NULLS LAST
        ) AS place
    FROM shopware_processed.inventory_records AS records
    WHERE records.event_at >= CAST(:period_start AS TIMESTAMP)
      AND records.event_at < CAST(:period_end AS TIMESTAMP)
)
SELECT
    inventory_id,
    product_id,
    warehouse_id,
    stock_level,
    restock_threshold,
    event_at,
    CAST(
        CASE WHEN stock_level = 0 THEN 'OUT_OF_STOCK' WHEN stock_level < 10 THEN 'LOW_STOCK' ELSE 'IN_STOCK' END
        AS VARCHAR(16)
    ),
    COALESCE(stock_level <= restock_threshold, FALSE),
    CAST(landing_hour AS DATE),
    CAST(:run_id AS VARCHAR(64)),
    GETDATE()
FROM delivered
WHERE place = 1;
