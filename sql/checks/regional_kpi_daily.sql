-- The stores of a day together sold what was sold on it.
WITH expected AS (
    SELECT
        DATE_TRUNC('day', transaction_timestamp) AS period_start,
        SUM(revenue) AS revenue,
        SUM(quantity) AS units,
        COUNT(*) AS transactions,
        COUNT(DISTINCT store_id) AS stores
    FROM shopware_processed.pos_daily
    WHERE
        transaction_timestamp >= CAST(:period_start AS TIMESTAMP)
        AND transaction_timestamp < CAST(:period_end AS TIMESTAMP)
    GROUP BY 1
),
found AS (
    SELECT
        CAST(analysis_date AS TIMESTAMP) AS period_start,
        SUM(store_daily_revenue) AS revenue,
        SUM(store_daily_quantity_sold) AS units,
        SUM(store_daily_transactions) AS transactions,
        COUNT(*) AS stores
    FROM shopware_kpis.regional_kpi_daily
    WHERE
        analysis_date >= CAST(:period_start AS TIMESTAMP)
        AND analysis_date < CAST(:period_end AS TIMESTAMP)
    GROUP BY 1
)
SELECT
    COALESCE(expected.period_start, found.period_start) AS period_start,
    'revenue' AS measure,
    CAST(COALESCE(expected.revenue, 0) AS DECIMAL(18, 2)) AS expected,
    CAST(COALESCE(found.revenue, 0) AS DECIMAL(18, 2)) AS found
FROM expected
FULL OUTER JOIN found ON expected.period_start = found.period_start
UNION ALL
SELECT
    COALESCE(expected.period_start, found.period_start) AS period_start,
    'units' AS measure,
    CAST(COALESCE(expected.units, 0) AS DECIMAL(18, 2)) AS expected,
    CAST(COALESCE(found.units, 0) AS DECIMAL(18, 2)) AS found
FROM expected
FULL OUTER JOIN found ON expected.period_start = found.period_start
UNION ALL
SELECT
    COALESCE(expected.period_start, found.period_start) AS period_start,
    'transactions' AS measure,
    CAST(COALESCE(expected.transactions, 0) AS DECIMAL(18, 2)) AS expected,
    CAST(COALESCE(found.transactions, 0) AS DECIMAL(18, 2)) AS found
FROM expected
FULL OUTER JOIN found ON expected.period_start = found.period_start
UNION ALL
SELECT
    COALESCE(expected.period_start, found.period_start) AS period_start,
    'stores' AS measure,
    CAST(COALESCE(expected.stores, 0) AS DECIMAL(18, 2)) AS expected,
    CAST(COALESCE(found.stores, 0) AS DECIMAL(18, 2)) AS found
FROM expected
FULL OUTER JOIN found ON expected.period_start = found.period_start;
