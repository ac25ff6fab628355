-- How fast each product sells against its stock, and how often it was available, averaged over the days and stores that sold
-- it.
SELECT
    stock.product_id, stock.units_sold, stock.transactions, stock.avg_stock_level, stock.inventory_turnover,
    stock.restock_frequency, stock.stockout_days, sold.stock_availability_pct
FROM (
    SELECT
        product_id,
        SUM(units_sold) AS units_sold,
        SUM(transactions) AS transactions,
        AVG(avg_stock_level) AS avg_stock_level,
        AVG(inventory_turnover) AS inventory_turnover,
        SUM(restock_frequency) AS restock_frequency,
        SUM(CASE WHEN stockout_alert THEN 1 ELSE 0 END) AS stockout_days
    FROM shopware_kpis.operations_kpi_daily
    WHERE analysis_date >= CAST(:first AS DATE) AND analysis_date < CAST(:until AS DATE)
    GROUP BY product_id
) AS stock
LEFT JOIN (
    SELECT product_id, AVG(stock_availability_pct) AS stock_availability_pct
    FROM shopware_kpis.sales_product_daily
    WHERE analysis_date >= CAST(:first AS DATE) AND analysis_date < CAST(:until AS DATE)
    GROUP BY product_id
) AS sold
    ON sold.product_id = stock.product_id
ORDER BY stock.units_sold DESC, stock.product_id
LIMIT 2000;
