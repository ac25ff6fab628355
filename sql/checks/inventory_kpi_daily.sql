-- Every warehouse and product with a snapshot on the day stands in exactly one of in, low or out of stock.
WITH expected AS (
    SELECT
        DATE_TRUNC('day', last_updated) AS period_start,
        COUNT(DISTINCT warehouse_id) AS warehouses,
        COUNT(DISTINCT CAST(warehouse_id AS VARCHAR(12)) || ':' || CAST(product_id AS VARCHAR(12))) AS products
    FROM shopware_processed.inventory_daily
    WHERE
        last_updated >= CAST(:period_start AS TIMESTAMP)
        AND last_updated < CAST(:period_end AS TIMESTAMP)
    GROUP BY 1
),
found AS (
    SELECT
        CAST(analysis_date AS TIMESTAMP) AS period_start,
        COUNT(*) AS warehouses,
        SUM(products_in_stock + products_low_stock + products_out_of_stock) AS products
    FROM shopware_kpis.inventory_kpi_daily
    WHERE
        analysis_date >= CAST(:period_start AS TIMESTAMP)
        AND analysis_date < CAST(:period_end AS TIMESTAMP)
    GROUP BY 1
)
SELECT
    COALESCE(expected.period_start, found.period_start) AS period_start,
    'warehouses' AS measure,
    CAST(COALESCE(expected.warehouses, 0) AS DECIMAL(18, 2)) AS expected,
    CAST(COALESCE(found.warehouses, 0) AS DECIMAL(18, 2)) AS found
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
