-- Every store's sales.
SELECT
    store_id,
    SUM(store_daily_revenue) AS revenue,
    SUM(store_daily_quantity_sold) AS units,
    SUM(store_daily_transactions) AS transactions,
    COUNT(*) AS days
FROM shopware_kpis.regional_kpi_daily
WHERE analysis_date >= CAST(:first AS DATE) AND analysis_date < CAST(:until AS DATE)
GROUP BY store_id
ORDER BY revenue DESC, store_id
LIMIT 20000;
