-- What was sold, of KPI tables alone. These count the sales of a store and those of a product, not those of a product in
-- a store; and they sum discounts of all sales only. What they do not know is null.
SELECT
    sold.revenue,
    sold.units,
    CASE
        WHEN CAST(:product AS INTEGER) < 0 THEN stores.transactions
        WHEN CAST(:store AS INTEGER) < 0 THEN products.transactions
    END AS transactions,
    CASE WHEN CAST(:product AS INTEGER) < 0 AND CAST(:store AS INTEGER) < 0 THEN days.discounts END AS discounts
FROM (
    SELECT SUM(total_sales) AS revenue, SUM(total_units) AS units
    FROM shopware_kpis.sales_product_daily
    WHERE analysis_date >= CAST(:first AS DATE) AND analysis_date < CAST(:until AS DATE)
        AND (CAST(:store AS INTEGER) < 0 OR store_id = CAST(:store AS INTEGER))
        AND (CAST(:product AS INTEGER) < 0 OR product_id = CAST(:product AS INTEGER))
) AS sold
CROSS JOIN (
    SELECT SUM(store_daily_transactions) AS transactions
    FROM shopware_kpis.regional_kpi_daily
    WHERE analysis_date >= CAST(:first AS DATE) AND analysis_date < CAST(:until AS DATE)
        AND (CAST(:store AS INTEGER) < 0 OR store_id = CAST(:store AS INTEGER))
) AS stores
CROSS JOIN (
    SELECT SUM(transactions) AS transactions
    FROM shopware_kpis.operations_kpi_daily
    WHERE analysis_date >= CAST(:first AS DATE) AND analysis_date < CAST(:until AS DATE)
        AND (CAST(:product AS INTEGER) < 0 OR product_id = CAST(:product AS INTEGER))
) AS products
CROSS JOIN (
    SELECT SUM(total_daily_discount_given) AS discounts
    FROM shopware_kpis.sales_kpi_daily
    WHERE analysis_date >= CAST(:first AS DATE) AND analysis_date < CAST(:until AS DATE)
) AS days;
