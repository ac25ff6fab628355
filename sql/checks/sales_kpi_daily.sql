-- The day's revenue, units, discounts and products are those of its sales.
SELECT
    'expected' AS side,
    DATE_TRUNC('day', transaction_timestamp) AS period_start,
    SUM(revenue) AS revenue,
    SUM(quantity) AS units,
    SUM(COALESCE(discount_applied, 0)) AS discount,
    COUNT(DISTINCT product_id) AS products
FROM shopware_processed.pos_daily
WHERE
    transaction_timestamp >= CAST(:period_start AS TIMESTAMP)
    AND transaction_timestamp < CAST(:period_end AS TIMESTAMP)
GROUP BY 2
UNION ALL
SELECT
    'found' AS side,
    CAST(analysis_date AS TIMESTAMP) AS period_start,
    SUM(total_daily_revenue) AS revenue,
    SUM(total_daily_quantity_sold) AS units,
    SUM(total_daily_discount_given) AS discount,
    SUM(distinct_products_sold_daily) AS products
FROM shopware_kpis.sales_kpi_daily
WHERE
    analysis_date >= CAST(:period_start AS TIMESTAMP)
    AND analysis_date < CAST(:period_end AS TIMESTAMP)
GROUP BY 2;
