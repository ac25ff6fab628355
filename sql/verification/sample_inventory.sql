-- What do the newest inventory records look like? (The landing hour bounds what is read.)
SELECT
    landing_hour, event_at, inventory_id, product_id, warehouse_id, stock_level, restock_threshold, delivered_at,
    record_number
FROM shopware_processed.inventory_records
WHERE landing_hour = (SELECT MAX(landing_hour) FROM shopware_processed.inventory_records)
ORDER BY record_number
LIMIT 5;
