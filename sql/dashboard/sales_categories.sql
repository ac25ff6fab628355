-- Sales by category.
SELECT sale_category, COUNT(*) AS transactions, SUM(revenue) AS revenue, SUM(quantity) AS units
FROM shopware_processed.pos_daily
WHERE transaction_timestamp >= CAST(:first AS TIMESTAMP) AND transaction_timestamp < CAST(:until AS TIMESTAMP)
    AND (CAST(:store AS VARCHAR(16)) = '' OR CAST(store_id AS VARCHAR(16)) = CAST(:store AS VARCHAR(16)))
    AND (CAST(:product AS VARCHAR(16)) = '' OR CAST(product_id AS VARCHAR(16)) = CAST(:product AS VARCHAR(16)))
GROUP BY sale_category
ORDER BY revenue DESC, sale_category;
