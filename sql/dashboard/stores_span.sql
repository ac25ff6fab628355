-- The first and last day with sales of a store.
SELECT MIN(analysis_date) AS first_at, MAX(analysis_date) AS last_at FROM shopware_kpis.regional_kpi_daily;
