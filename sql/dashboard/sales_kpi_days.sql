-- Sales day by day, of KPI tables alone.
SELECT CAST(analysis_date AS TIMESTAMP) AS period, SUM(total_sales) AS revenue, SUM(total_units) AS units
FROM shopware_kpis.sales_product_daily
WHERE analysis_date >= CAST(:first AS DATE) AND analysis_date < CAST(:until AS DATE)
    AND (CAST(:store AS VARCHAR(16)) = '' OR CAST(store_id AS VARCHAR(16)) = CAST(:store AS VARCHAR(16)))
    AND (CAST(:product AS VARCHAR(16)) = '' OR CAST(product_id AS VARCHAR(16)) = CAST(:product AS VARCHAR(16)))
GROUP BY 1
ORDER BY 1
LIMIT 20000;
