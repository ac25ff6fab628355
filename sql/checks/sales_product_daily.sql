-- The products of a day's stores together sold what was sold on it, with inventory and without.
SELECT
    'expected' AS side,
    DATE_TRUNC('day', transaction_timestamp) AS period_start,
    SUM(revenue) AS revenue,
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
    SUM(total_sales) AS revenue,
    SUM(total_units) AS units
FROM shopware_kpis.sales_product_daily
WHERE
    analysis_date >= CAST(:period_start AS TIMESTAMP)
    AND analysis_date < CAST(:period_end AS TIMESTAMP)
GROUP BY 2;
