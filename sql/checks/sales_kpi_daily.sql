-- The day's revenue, units, discounts and products are those of its sales.
WITH expected AS (
    SELECT
        DATE_TRUNC('day', transaction_timestamp) AS period_start,
        SUM(revenue) AS revenue,
        SUM(quantity) AS units,
        SUM(COALESCE(discount_applied, 0)) AS discount,
        COUNT(DISTINCT product_id) AS products
    FROM shopware_processed.pos_daily
    WHERE
        transaction_timestamp >= CAST(:period_start AS TIMESTAMP)
        AND transaction_timestamp < CAST(:period_end AS TIMESTAMP)
    GROUP BY 1
),
found AS (
    SELECT
        CAST(analysis_date AS TIMESTAMP) AS period_start,
        SUM(total_daily_revenue) AS revenue,
        SUM(total_daily_quantity_sold) AS units,
        SUM(total_daily_discount_given) AS discount,
        SUM(distinct_products_sold_daily) AS products
    FROM shopware_kpis.sales_kpi_daily
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
    'discount' AS measure,
    CAST(COALESCE(expected.discount, 0) AS DECIMAL(18, 2)) AS expected,
    CAST(COALESCE(found.discount, 0) AS DECIMAL(18, 2)) AS found
FROM expected
FULL OUTER JOIN found ON expected.period_start = found.period_start
UNION ALL
SELECT
    COALESCE(expected.period_start, found.period_start) AS period_start,
    'products' AS measure,
    CAST(COALESCE(expected.products, 0) AS DECIMAL(18, 2)) AS expected,
    CAST(COALESCE(found.products, 0) AS DECIMAL(18, 2)) AS found
FROM expected
FULL OUTER JOIN found ON expected.period_start = found.period_start;
