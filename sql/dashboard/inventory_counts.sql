-- The stock counts behind the figures of the end of a day: of each warehouse the newest day from :first to :until, of that day
-- the latest count of every product. With :restock 1 those only that are to be restocked.
SELECT product_id, warehouse_id, stock_level, restock_threshold, stock_status, needs_restock, last_updated, inventory_id
FROM (
    SELECT
        product_id, warehouse_id, stock_level, restock_threshold, stock_status, needs_restock, last_updated, inventory_id,
        ROW_NUMBER() OVER (
            PARTITION BY product_id, warehouse_id ORDER BY last_updated DESC, inventory_id DESC
        ) AS newest,
        MAX(last_updated) OVER (PARTITION BY warehouse_id) AS last_of_warehouse
    FROM shopware_processed.inventory_daily
    WHERE last_updated >= CAST(:first AS TIMESTAMP) AND last_updated < CAST(:until AS TIMESTAMP)
        AND (CAST(:warehouse AS VARCHAR(16)) = '' OR CAST(warehouse_id AS VARCHAR(16)) = CAST(:warehouse AS VARCHAR(16)))
) AS counted
WHERE newest = 1
    AND last_updated >= DATE_TRUNC('day', last_of_warehouse)
    AND (CAST(:status AS VARCHAR(16)) = '' OR stock_status = CAST(:status AS VARCHAR(16)))
    AND (CAST(:restock AS INTEGER) = 0 OR needs_restock OR stock_status <> 'IN_STOCK')
ORDER BY stock_level, product_id, warehouse_id
LIMIT 500;
