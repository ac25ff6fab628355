-- What was sold, of KPI tables alone. These count the sales of a store and those of a product, not those of a product in
-- a store; and they sum discounts of all sales only. What they do not know is null.
SELECT
    sold.revenue,
    sold.units,
    CASE
        WHEN CAST(:product AS VARCHAR(16)) = '' THEN stores.transactions
        WHEN CAST(:store AS VARCHAR(16)) = '' THEN products.transactions
    END AS transactions,
    CASE WHEN CAST(:product AS VARCHAR(16)) = '' AND CAST(:store AS VARCHAR(16)) = '' THEN days.discounts END AS discounts
FROM (
    SELECT SUM(total_sales) AS revenue, SUM(total_units) AS units
    FROM shopware_kpis.sales_product_daily
    WHERE analysis_date >= CAST(:first AS DATE) AND analysis_date < CAST(:until AS DATE)
        AND (CAST(:store AS VARCHAR(16)) = '' OR CAST(store_id AS VARCHAR(16)) = CAST(:store AS VARCHAR(16)))
        AND (CAST(:product AS VARCHAR(16)) = '' OR CAST(product_id AS VARCHAR(16)) = CAST(:product AS VARCHAR(16)))
) AS sold
CROSS JOIN (
    SELECT SUM(store_daily_transactions) AS transactions
    FROM shopware_kpis.regional_kpi_daily
    WHERE analysis_date >= CAST(:first AS DATE) AND analysis_date < CAST(:until AS DATE)
        AND (CAST(:store AS VARCHAR(16)) = '' OR CAST(store_id AS VARCHAR(16)) = CAST(:store AS VARCHAR(16)))
) AS stores
CROSS JOIN (
    SELECT SUM(transactions) AS transactions
    FROM shopware_kpis.operations_kpi_daily
    WHERE analysis_date >= CAST(:first AS DATE) AND analysis_date < CAST(:until AS DATE)
        AND (CAST(:product AS VARCHAR(16)) = '' OR CAST(product_id AS VARCHAR(16)) = CAST(:product AS VARCHAR(16)))
) AS products
CROSS JOIN (
    SELECT SUM(total_daily_discount_given) AS discounts
    FROM shopware_kpis.sales_kpi_daily
    WHERE analysis_date >= CAST(:first AS DATE) AND analysis_date < CAST(:until AS DATE)
) AS days;
