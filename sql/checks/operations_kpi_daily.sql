-- The products of a day together sold its transactions and units.
WITH expected AS (
    SELECT
        DATE_TRUNC('day', transaction_timestamp) AS period_start,
        COUNT(*) AS transactions,
        SUM(quantity) AS units
    FROM shopware_processed.pos_daily
    WHERE
        transaction_timestamp >= CAST(:period_start AS TIMESTAMP)
        AND transaction_timestamp < CAST(:period_end AS TIMESTAMP)
    GROUP BY 1
),
found AS (
    SELECT
        CAST(analysis_date AS TIMESTAMP) AS period_start,
        SUM(transactions) AS transactions,
        SUM(units_sold) AS units
    FROM shopware_kpis.operations_kpi_daily
    WHERE
        analysis_date >= CAST(:period_start AS TIMESTAMP)
        AND analysis_date < CAST(:period_end AS TIMESTAMP)
    GROUP BY 1
)
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
    'units' AS measure,
    CAST(COALESCE(expected.units, 0) AS DECIMAL(18, 2)) AS expected,
    CAST(COALESCE(found.units, 0) AS DECIMAL(18, 2)) AS found
FROM expected
FULL OUTER JOIN found ON expected.period_start = found.period_start;
