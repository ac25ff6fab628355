-- Up to five stores' sales, day by day.
SELECT
    analysis_date, store_id, store_daily_revenue AS revenue, store_daily_quantity_sold AS units,
    store_daily_transactions AS transactions
FROM shopware_kpis.regional_kpi_daily
WHERE analysis_date >= CAST(:first AS DATE) AND analysis_date < CAST(:until AS DATE)
    AND CAST(store_id AS VARCHAR(16)) IN (
        CAST(:chosen_1 AS VARCHAR(16)), CAST(:chosen_2 AS VARCHAR(16)), CAST(:chosen_3 AS VARCHAR(16)),
        CAST(:chosen_4 AS VARCHAR(16)), CAST(:chosen_5 AS VARCHAR(16))
    )
ORDER BY analysis_date DESC, store_id
LIMIT 2000;
