-- The average price is computed in whole numbers, (2 * cents * 100 + units) / (2 * units), which rounds half up to
-- four decimals: exact, where a quotient of decimals has a scale that depends on the data's precision.
INSERT INTO shopware_kpis.sales_kpi_daily (
    analysis_date, total_daily_revenue, total_daily_quantity_sold, total_daily_discount_given,
    distinct_products_sold_daily, average_price_per_item
)
WITH days AS (
    SELECT
        CAST(transaction_timestamp AS DATE) AS analysis_date,
        CAST(SUM(revenue) AS DECIMAL(18,2)) AS revenue,
        CAST(SUM(CAST(quantity AS BIGINT)) AS BIGINT) AS units,
        CAST(SUM(COALESCE(discount_applied, CAST(0 AS DECIMAL(12,2)))) AS DECIMAL(18,2)) AS discount,
        CAST(COUNT(DISTINCT product_id) AS BIGINT) AS products
    FROM shopware_processed.pos_daily
    WHERE transaction_timestamp >= CAST(:period_start AS TIMESTAMP)
      AND transaction_timestamp < CAST(:period_end AS TIMESTAMP)
    GROUP BY 1
)
SELECT
    analysis_date,
    revenue,
    units,
    discount,
    products,
    CAST(
        CAST((CAST(revenue * 100 AS BIGINT) * 200 + units) / NULLIF(2 * units, 0) AS DECIMAL(18,0))
        * CAST(0.0001 AS DECIMAL(5,4))
        AS DECIMAL(18,4)
    )
FROM days;
