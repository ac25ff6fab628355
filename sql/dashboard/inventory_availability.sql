-- How often each sold product was available, averaged over the days and stores that sold it.
SELECT product_id, AVG(stock_availability_pct) AS stock_availability_pct
FROM shopware_kpis.sales_product_daily
WHERE analysis_date >= CAST(:first AS DATE) AND analysis_date < CAST(:until AS DATE)
GROUP BY product_id
ORDER BY product_id
LIMIT 20000;
