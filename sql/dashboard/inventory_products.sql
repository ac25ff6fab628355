-- How fast each product sells against its stock.
SELECT
    product_id,
    SUM(units_sold) AS units_sold,
    SUM(transactions) AS transactions,
    AVG(avg_stock_level) AS avg_stock_level,
    AVG(inventory_turnover) AS inventory_turnover,
    SUM(restock_frequency) AS restock_frequency,
    SUM(CASE WHEN stockout_alert THEN 1 ELSE 0 END) AS stockout_days
FROM shopware_kpis.operations_kpi_daily
WHERE analysis_date >= CAST(:first AS DATE) AND analysis_date < CAST(:until AS DATE)
GROUP BY product_id
ORDER BY units_sold DESC, product_id
LIMIT 2000;
