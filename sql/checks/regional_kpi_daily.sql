-- The stores of a day together sold what was sold on it.
SELECT
    'expected' AS side,
    DATE_TRUNC('day', transaction_timestamp) AS period_start,
    SUM(revenue) AS revenue,
    SUM(quantity) AS units,
    COUNT(*) AS transactions,
    COUNT(DISTINCT store_id) AS stores
FROM shopware_processed.pos_daily
WHERE
    transaction_timestamp >= CAST(:period_start AS TIMESTAMP)
    AND transaction_timestamp < CAST(:period_end AS TIMESTAMP)
GROUP BY 2
UNION ALL
SELECT
    'found' AS side,
    CAST(analysis_date AS TIMESTAMP) AS period_start,
    SUM(store_daily_revenue) AS revenue,
    SUM(store_daily_quantity_sold) AS units,
    SUM(store_daily_transactions) AS transactions,
    COUNT(*) AS stores
FROM shopware_kpis.regional_kpi_daily
WHERE
    analysis_date >= CAST(:period_start AS TIMESTAMP)
    AND analysis_date < CAST(:period_end AS TIMESTAMP)
GROUP BY 2;
