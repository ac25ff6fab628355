-- The products of a day's stores together sold what was sold on it, with inventory and without.
WITH expected AS (
    SELECT
        DATE_TRUNC('day', transaction_timestamp) AS period_start,
        SUM(revenue) AS revenue,
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
        SUM(total_sales) AS revenue,
        SUM(total_units) AS units
    FROM shopware_kpis.sales_product_daily
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
FULL OUTER JOIN found ON expected.period_start = found.period_start;
