-- The sales team's figures of all stores, day by day.
SELECT
    analysis_date, total_daily_revenue, total_daily_quantity_sold, total_daily_discount_given,
    distinct_products_sold_daily, average_price_per_item
FROM shopware_kpis.sales_kpi_daily
WHERE analysis_date >= CAST(:first AS DATE) AND analysis_date < CAST(:until AS DATE)
ORDER BY analysis_date DESC
LIMIT 400;
