-- What was sold.
SELECT
    COUNT(*) AS transactions,
    SUM(revenue) AS revenue,
    SUM(net_revenue) AS net_revenue,
    SUM(quantity) AS units,
    SUM(COALESCE(discount_applied, CAST(0 AS DECIMAL(12, 2)))) AS discounts,
    COUNT(DISTINCT product_id) AS products
FROM shopware_processed.pos_daily
WHERE transaction_timestamp >= CAST(:first AS TIMESTAMP) AND transaction_timestamp < CAST(:until AS TIMESTAMP)
    AND (CAST(:store AS VARCHAR(16)) = '' OR CAST(store_id AS VARCHAR(16)) = CAST(:store AS VARCHAR(16)))
    AND (CAST(:product AS VARCHAR(16)) = '' OR CAST(product_id AS VARCHAR(16)) = CAST(:product AS VARCHAR(16)))
    AND (CAST(:category AS VARCHAR(16)) = '' OR sale_category = CAST(:category AS VARCHAR(16)));
