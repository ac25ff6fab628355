-- When each derived table was computed last, and up to which period.
SELECT table_name, MAX(period_start) AS newest_period, MAX(refreshed_at) AS last_refresh
FROM shopware_ops.refresh_history
GROUP BY table_name
ORDER BY table_name;
