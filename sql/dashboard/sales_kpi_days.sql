-- Sales day by day, of KPI tables alone.
SELECT CAST(analysis_date AS TIMESTAMP) AS period, SUM(total_sales) AS revenue, SUM(total_units) AS units
FROM shopware_kpis.sales_product_daily
WHERE analysis_date >= CAST(:first AS DATE) AND analysis_date < CAST(:until AS DATE)
    AND (CAST(:store AS INTEGER) < 0 OR store_id = CAST(:store AS INTEGER))
    AND (CAST(:product AS INTEGER) < 0 OR product_id = CAST(:product AS INTEGER))
GROUP BY 1
ORDER BY 1
LIMIT 20000;
