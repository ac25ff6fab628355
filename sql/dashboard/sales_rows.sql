-- The newest sales.
SELECT
    transaction_timestamp, transaction_id, store_id, product_id, quantity, revenue, discount_applied, net_revenue,
    sale_category
FROM shopware_processed.pos_daily
WHERE transaction_timestamp >= CAST(:first AS TIMESTAMP) AND transaction_timestamp < CAST(:until AS TIMESTAMP)
    AND (CAST(:store AS VARCHAR(16)) = '' OR CAST(store_id AS VARCHAR(16)) = CAST(:store AS VARCHAR(16)))
    AND (CAST(:product AS VARCHAR(16)) = '' OR CAST(product_id AS VARCHAR(16)) = CAST(:product AS VARCHAR(16)))
    AND (CAST(:category AS VARCHAR(16)) = '' OR sale_category = CAST(:category AS VARCHAR(16)))
ORDER BY transaction_timestamp DESC, transaction_id
LIMIT 500;
