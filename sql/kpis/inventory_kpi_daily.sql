-- The stock of a day is its latest snapshot per product and warehouse; snapshots are never added up.
INSERT INTO shopware_kpis.inventory_kpi_daily (
    analysis_date, warehouse_id, total_stock_level, distinct_products_in_stock, products_in_stock, products_low_stock,
    products_out_of_stock
)
WITH snapshots AS (
    SELECT
        CAST(last_updated AS DATE) AS analysis_date,
        warehouse_id,
        product_id,
        stock_level,
        stock_status,
        ROW_NUMBER() OVER (
            PARTITION BY CAST(last_updated AS DATE), warehouse_id, product_id
            ORDER BY last_updated DESC, inventory_id DESC
        ) AS place
    FROM shopware_processed.inventory_daily
    WHERE last_updated >= CAST(:period_start AS TIMESTAMP)
      AND last_updated < CAST(:period_end AS TIMESTAMP)
)
SELECT
    analysis_date,
    warehouse_id,
    CAST(SUM(CAST(stock_level AS BIGINT)) AS BIGINT),
    CAST(COUNT(DISTINCT CASE WHEN stock_level > 0 THEN product_id END) AS BIGINT),
    CAST(COUNT(CASE WHEN stock_status = 'IN_STOCK' THEN 1 END) AS BIGINT),
    CAST(COUNT(CASE WHEN stock_status = 'LOW_STOCK' THEN 1 END) AS BIGINT),
    CAST(COUNT(CASE WHEN stock_status = 'OUT_OF_STOCK' THEN 1 END) AS BIGINT)
FROM snapshots
WHERE place = 1
GROUP BY analysis_date, warehouse_id;
