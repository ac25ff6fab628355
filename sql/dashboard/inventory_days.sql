-- Stock at the end of every day, by warehouse.
SELECT
    analysis_date, warehouse_id, total_stock_level, distinct_products_in_stock, products_in_stock, products_low_stock,
    products_out_of_stock
FROM shopware_kpis.inventory_kpi_daily
WHERE analysis_date >= CAST(:first AS DATE) AND analysis_date < CAST(:until AS DATE)
ORDER BY analysis_date DESC, warehouse_id
LIMIT 200000;
