-- Products by revenue, of KPI tables alone.
SELECT product_id, SUM(total_sales) AS revenue, SUM(total_units) AS units
FROM shopware_kpis.sales_product_daily
WHERE analysis_date >= CAST(:first AS DATE) AND analysis_date < CAST(:until AS DATE)
    AND (CAST(:store AS VARCHAR(16)) = '' OR CAST(store_id AS VARCHAR(16)) = CAST(:store AS VARCHAR(16)))
GROUP BY product_id
ORDER BY revenue DESC, product_id
LIMIT 2000;
