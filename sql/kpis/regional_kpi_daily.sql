INSERT INTO shopware_kpis.regional_kpi_daily (
    analysis_date, store_id, store_daily_revenue, store_daily_quantity_sold, store_daily_transactions
)
SELECT
    CAST(transaction_timestamp AS DATE),
    store_id,
    CAST(SUM(revenue) AS DECIMAL(18,2)),
    CAST(SUM(CAST(quantity AS BIGINT)) AS BIGINT),
    CAST(COUNT(*) AS BIGINT)
FROM shopware_processed.pos_daily
WHERE transaction_timestamp >= CAST(:period_start AS TIMESTAMP)
  AND transaction_timestamp < CAST(:period_end AS TIMESTAMP)
GROUP BY 1, 2;
