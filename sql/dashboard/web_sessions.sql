-- Visits that began in the dates.
SELECT
    COUNT(*) AS sessions,
    COUNT(DISTINCT user_id) AS users,
    AVG(session_duration_secs) AS avg_duration_secs,
    100.0 * SUM(CASE WHEN is_bounce THEN 1 ELSE 0 END) / NULLIF(COUNT(*), 0) AS bounce_pct
FROM shopware_kpis.web_session
WHERE session_start >= CAST(:first AS TIMESTAMP) AND session_start < CAST(:until AS TIMESTAMP)
    AND (CAST(:browser AS VARCHAR(255)) = '' OR browser = CAST(:browser AS VARCHAR(255)))
    AND (CAST(:device AS VARCHAR(255)) = '' OR device_type = CAST(:device AS VARCHAR(255)));
