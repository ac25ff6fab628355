-- Sales over time: by hour, or by day when :hourly is 0.
SELECT
    CASE
        WHEN CAST(:hourly AS INTEGER) = 1 THEN DATE_TRUNC('hour', transaction_timestamp)
        ELSE DATE_TRUNC('day', transaction_timestamp)
    END AS period,
    sale_category,
    SUM(revenue) AS revenue,
    SUM(quantity) AS units
FROM shopware_processed.pos_daily
WHERE transaction_timestamp >= CAST(:first AS TIMESTAMP) AND transaction_timestamp < CAST(:until AS TIMESTAMP)
    AND (CAST(:store AS VARCHAR(16)) = '' OR CAST(store_id AS VARCHAR(16)) = CAST(:store AS VARCHAR(16)))
    AND (CAST(:product AS VARCHAR(16)) = '' OR CAST(product_id AS VARCHAR(16)) = CAST(:product AS VARCHAR(16)))
    AND (CAST(:category AS VARCHAR(16)) = '' OR sale_category = CAST(:category AS VARCHAR(16)))
GROUP BY 1, sale_category
ORDER BY 1, sale_category
LIMIT 100000;
