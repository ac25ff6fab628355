-- Products that were only sold, and products that were only counted, are both in it.
INSERT INTO shopware_kpis.operations_kpi_daily (
    analysis_date, product_id, transactions, units_sold, avg_stock_level, inventory_turnover, restock_frequency,
    stockout_alert
)
WITH sales AS (
    SELECT
        CAST(transaction_timestamp AS DATE) AS analysis_date,
        product_id,
        COUNT(*) AS transactions,
        SUM(CAST(quantity AS BIGINT)) AS units
    FROM shopware_processed.pos_daily
    WHERE transaction_timestamp >= CAST(:period_start AS TIMESTAMP)
      AND transaction_timestamp < CAST(:period_end AS TIMESTAMP)
    GROUP BY 1, 2
),
stock AS (
    SELECT
        CAST(last_updated AS DATE) AS analysis_date,
        product_id,
        AVG(CAST(stock_level AS DOUBLE PRECISION)) AS average_stock,
        MIN(stock_level) AS lowest_stock,
        COUNT(CASE WHEN needs_restock THEN 1 END) AS restocks
    FROM shopware_processed.inventory_daily
    WHERE last_updated >= CAST(:period_start AS TIMESTAMP)
      AND last_updated < CAST(:period_end AS TIMESTAMP)
    GROUP BY 1, 2
)
SELECT
    COALESCE(sales.analysis_date, stock.analysis_date),
    COALESCE(sales.product_id, stock.product_id),
    CAST(COALESCE(sales.transactions, 0) AS BIGINT),
    CAST(COALESCE(sales.units, 0) AS BIGINT),
    stock.average_stock,
    CAST(COALESCE(sales.units, 0) AS DOUBLE PRECISION) / NULLIF(stock.average_stock, 0),
    CAST(COALESCE(stock.restocks, 0) AS BIGINT),
    COALESCE(sales.units > 0 AND stock.lowest_stock = 0, FALSE)
FROM sales
FULL OUTER JOIN stock ON stock.analysis_date = sales.analysis_date AND stock.product_id = sales.product_id;
