-- The newest stock counts.
SELECT last_updated, inventory_id, product_id, warehouse_id, stock_level, restock_threshold, stock_status, needs_restock
FROM shopware_processed.inventory_daily
WHERE last_updated >= CAST(:first AS TIMESTAMP) AND last_updated < CAST(:until AS TIMESTAMP)
    AND (CAST(:warehouse AS INTEGER) < 0 OR warehouse_id = CAST(:warehouse AS INTEGER))
    AND (CAST(:status AS VARCHAR(16)) = '' OR stock_status = CAST(:status AS VARCHAR(16)))
ORDER BY last_updated DESC, inventory_id
LIMIT 500;
