-- The first and last day with stock counts.
SELECT MIN(analysis_date) AS first_at, MAX(analysis_date) AS last_at FROM shopware_kpis.inventory_kpi_daily;
