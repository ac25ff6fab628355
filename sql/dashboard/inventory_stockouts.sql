-- Products that ran out on a day on which they were sold.
SELECT analysis_date, product_id, transactions, units_sold, avg_stock_level
FROM shopware_kpis.operations_kpi_daily
WHERE analysis_date >= CAST(:first AS DATE) AND analysis_date < CAST(:until AS DATE) AND stockout_alert
ORDER BY analysis_date DESC, units_sold DESC, product_id
LIMIT 500;
