-- What to restock: of the day from :first to :until, the latest count of every product in every warehouse.
SELECT product_id, warehouse_id, stock_level, restock_threshold, stock_status, last_updated
FROM (
    SELECT
        product_id, warehouse_id, stock_level, restock_threshold, stock_status, needs_restock, last_updated,
        ROW_NUMBER() OVER (
            PARTITION BY product_id, warehouse_id ORDER BY last_updated DESC, inventory_id DESC
        ) AS newest
    FROM shopware_processed.inventory_daily
    WHERE last_updated >= CAST(:first AS TIMESTAMP) AND last_updated < CAST(:until AS TIMESTAMP)
        AND (CAST(:warehouse AS INTEGER) < 0 OR warehouse_id = CAST(:warehouse AS INTEGER))
) AS counted
WHERE newest = 1 AND (needs_restock OR stock_status <> 'IN_STOCK')
ORDER BY stock_level, product_id, warehouse_id
LIMIT 500;
