-- Products by revenue.
SELECT
    product_id,
    SUM(revenue) AS revenue,
    SUM(quantity) AS units,
    COUNT(*) AS transactions,
    SUM(COALESCE(discount_applied, CAST(0 AS DECIMAL(12, 2)))) AS discounts
FROM shopware_processed.pos_daily
WHERE transaction_timestamp >= CAST(:first AS TIMESTAMP) AND transaction_timestamp < CAST(:until AS TIMESTAMP)
    AND (CAST(:store AS VARCHAR(16)) = '' OR CAST(store_id AS VARCHAR(16)) = CAST(:store AS VARCHAR(16)))
    AND (CAST(:category AS VARCHAR(16)) = '' OR sale_category = CAST(:category AS VARCHAR(16)))
GROUP BY product_id
ORDER BY revenue DESC, product_id
LIMIT 2000;
