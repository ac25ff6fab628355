-- Sales by category.
SELECT sale_category, COUNT(*) AS transactions, SUM(revenue) AS revenue, SUM(quantity) AS units
FROM shopware_processed.pos_daily
WHERE transaction_timestamp >= CAST(:first AS TIMESTAMP) AND transaction_timestamp < CAST(:until AS TIMESTAMP)
    AND (CAST(:store AS INTEGER) < 0 OR store_id = CAST(:store AS INTEGER))
    AND (CAST(:product AS INTEGER) < 0 OR product_id = CAST(:product AS INTEGER))
GROUP BY sale_category
ORDER BY revenue DESC, sale_category;
