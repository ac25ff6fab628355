-- Every warehouse and product with a snapshot on the day stands in exactly one of in, low or out of stock.
SELECT
    'expected' AS side,
    DATE_TRUNC('day', last_updated) AS period_start,
    COUNT(DISTINCT warehouse_id) AS warehouses,
    COUNT(DISTINCT CAST(warehouse_id AS VARCHAR(12)) || ':' || CAST(product_id AS VARCHAR(12))) AS products
FROM shopware_processed.inventory_daily
WHERE
    last_updated >= CAST(:period_start AS TIMESTAMP)
    AND last_updated < CAST(:period_end AS TIMESTAMP)
GROUP BY 2
UNION ALL
SELECT
    'found' AS side,
    CAST(analysis_date AS TIMESTAMP) AS period_start,
    COUNT(*) AS warehouses,
    SUM(products_in_stock + products_low_stock + products_out_of_stock) AS products
FROM shopware_kpis.inventory_kpi_daily
WHERE
    analysis_date >= CAST(:period_start AS TIMESTAMP)
    AND analysis_date < CAST(:period_end AS TIMESTAMP)
GROUP BY 2;
