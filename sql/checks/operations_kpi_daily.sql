-- The products of a day together sold its transactions and units.
SELECT
    'expected' AS side,
    DATE_TRUNC('day', transaction_timestamp) AS period_start,
    COUNT(*) AS transactions,
    SUM(quantity) AS units
FROM shopware_processed.pos_daily
WHERE
    transaction_timestamp >= CAST(:period_start AS TIMESTAMP)
    AND transaction_timestamp < CAST(:period_end AS TIMESTAMP)
GROUP BY 2
UNION ALL
SELECT
    'found' AS side,
    CAST(analysis_date AS TIMESTAMP) AS period_start,
    SUM(transactions) AS transactions,
    SUM(units_sold) AS units
FROM shopware_kpis.operations_kpi_daily
WHERE
    analysis_date >= CAST(:period_start AS TIMESTAMP)
    AND analysis_date < CAST(:period_end AS TIMESTAMP)
GROUP BY 2;
