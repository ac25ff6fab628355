-- The first and last day on which something was sold.
SELECT MIN(analysis_date) AS first_at, MAX(analysis_date) AS last_at FROM shopware_kpis.sales_kpi_daily;
