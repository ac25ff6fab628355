-- On which days in [:first, :end) do the sales tables disagree? Revenue and pieces of the sales, of the day's KPIs, of
-- all stores, and of all products must be the same to the cent; a table without the day has 0.
WITH totals AS (
    SELECT
        CAST(transaction_timestamp AS DATE) AS analysis_date,
        SUM(revenue) AS pos_revenue, SUM(CAST(quantity AS BIGINT)) AS pos_units,
        CAST(0 AS DECIMAL(18,2)) AS sales_revenue, CAST(0 AS BIGINT) AS sales_units,
        CAST(0 AS DECIMAL(18,2)) AS regional_revenue, CAST(0 AS BIGINT) AS regional_units,
        CAST(0 AS DECIMAL(18,2)) AS product_revenue, CAST(0 AS BIGINT) AS product_units
    FROM shopware_processed.pos_daily
    WHERE transaction_timestamp >= CAST(:first AS TIMESTAMP) AND transaction_timestamp < CAST(:end AS TIMESTAMP)
    GROUP BY 1
    UNION ALL
    SELECT
        analysis_date, CAST(0 AS DECIMAL(18,2)), CAST(0 AS BIGINT), total_daily_revenue, total_daily_quantity_sold,
        CAST(0 AS DECIMAL(18,2)), CAST(0 AS BIGINT), CAST(0 AS DECIMAL(18,2)), CAST(0 AS BIGINT)
    FROM shopware_kpis.sales_kpi_daily
    UNION ALL
    SELECT
        analysis_date, CAST(0 AS DECIMAL(18,2)), CAST(0 AS BIGINT), CAST(0 AS DECIMAL(18,2)), CAST(0 AS BIGINT),
        store_daily_revenue, store_daily_quantity_sold, CAST(0 AS DECIMAL(18,2)), CAST(0 AS BIGINT)
    FROM shopware_kpis.regional_kpi_daily
    UNION ALL
    SELECT
        analysis_date, CAST(0 AS DECIMAL(18,2)), CAST(0 AS BIGINT), CAST(0 AS DECIMAL(18,2)), CAST(0 AS BIGINT),
        CAST(0 AS DECIMAL(18,2)), CAST(0 AS BIGINT), total_sales, total_units
    FROM shopware_kpis.sales_product_daily
)
SELECT
    analysis_date,
    SUM(pos_revenue) AS pos_revenue,
    SUM(sales_revenue) AS sales_revenue,
    SUM(regional_revenue) AS regional_revenue,
    SUM(product_revenue) AS product_revenue,
    SUM(pos_units) AS pos_units,
    SUM(sales_units) AS sales_units,
    SUM(regional_units) AS regional_units,
    SUM(product_units) AS product_units
FROM totals
WHERE analysis_date >= CAST(CAST(:first AS TIMESTAMP) AS DATE)
    AND analysis_date < CAST(CAST(:end AS TIMESTAMP) AS DATE)
GROUP BY analysis_date
HAVING SUM(pos_revenue) <> SUM(sales_revenue)
    OR SUM(pos_revenue) <> SUM(regional_revenue)
    OR SUM(pos_revenue) <> SUM(product_revenue)
    OR SUM(pos_units) <> SUM(sales_units)
    OR SUM(pos_units) <> SUM(regional_units)
    OR SUM(pos_units) <> SUM(product_units)
ORDER BY analysis_date;
