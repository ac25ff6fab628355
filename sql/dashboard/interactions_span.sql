-- When customers were in contact first and last.
SELECT MIN(event_hour) AS first_at, MAX(event_hour) AS last_at FROM shopware_kpis.interactions_hourly;
