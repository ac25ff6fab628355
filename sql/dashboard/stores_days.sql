-- Every store's sales, day by day; of one store when :store is not negative.
SELECT
    analysis_date, store_id, store_daily_revenue AS revenue, store_daily_quantity_sold AS units,
    store_daily_transactions AS transactions
FROM shopware_kpis.regional_kpi_daily
WHERE analysis_date >= CAST(:first AS DATE) AND analysis_date < CAST(:until AS DATE)
    AND (CAST(:store AS INTEGER) < 0 OR store_id = CAST(:store AS INTEGER))
ORDER BY analysis_date DESC, store_id
LIMIT 40000;
