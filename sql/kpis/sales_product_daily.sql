-- Sales lead: a product without a stock snapshot of the day keeps its sales and has no stock figures.
INSERT INTO shopware_kpis.sales_product_daily (
    analysis_date, store_id, product_id, total_sales, total_units, stock_availability_pct, product_turnover_rate
)
WITH sales AS (
    SELECT
        CAST(transaction_timestamp AS DATE) AS analysis_date,
        store_id,
        product_id,
        CAST(SUM(revenue) AS DECIMAL(18,2)) AS total_sales,
        CAST(SUM(CAST(quantity AS BIGINT)) AS BIGINT) AS total_units
    FROM shopware_processed.pos_daily
    WHERE transaction_timestamp >= CAST(:period_start AS TIMESTAMP)
      AND transaction_timestamp < CAST(:period_end AS TIMESTAMP)
    GROUP BY 1, 2, 3
),
stock AS (
    SELECT
        CAST(last_updated AS DATE) AS analysis_date,
        product_id,
        AVG(CAST(stock_level AS DOUBLE PRECISION)) AS average_stock,
        100 * CAST(COUNT(CASE WHEN stock_level > COALESCE(restock_threshold, 0) THEN 1 END) AS DOUBLE PRECISION)
            / COUNT(*) AS availability
    FROM shopware_processed.inventory_daily
    WHERE last_updated >= CAST(:period_start AS TIMESTAMP)
      AND last_updated < CAST(:period_end AS TIMESTAMP)
    GROUP BY 1, 2
)
SELECT
    sales.analysis_date,
    sales.store_id,
    sales.product_id,
    sales.total_sales,
    sales.total_units,
    stock.availability,
    CAST(sales.total_units AS DOUBLE PRECISION) / NULLIF(stock.average_stock, 0)
FROM sales
LEFT JOIN stock ON stock.analysis_date = sales.analysis_date AND stock.product_id = sales.product_id;
