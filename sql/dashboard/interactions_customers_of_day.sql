-- Different customers of one day, of all types and channels: of a KPI table alone.
SELECT MAX(unique_customers) AS customers
FROM shopware_kpis.support_kpi_daily
WHERE analysis_date = CAST(:first AS DATE);
