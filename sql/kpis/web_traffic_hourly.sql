INSERT INTO shopware_kpis.web_traffic_hourly (
    event_hour, event_type, browser, device_type, page, events, sessions, unique_users
)
SELECT
    DATE_TRUNC('hour', event_at),
    COALESCE(NULLIF(event_type, ''), 'Unknown'),
    COALESCE(NULLIF(browser, ''), 'Unknown'),
    COALESCE(NULLIF(device_type, ''), 'Unknown'),
    COALESCE(NULLIF(page, ''), 'Unknown'),
    CAST(COUNT(*) AS BIGINT),
    CAST(COUNT(DISTINCT session_id) AS BIGINT),
    CAST(COUNT(DISTINCT user_id) AS BIGINT)
FROM shopware_stream.web_logs_stream
WHERE event_at >= CAST(:period_start AS TIMESTAMP)
  AND event_at < CAST(:period_end AS TIMESTAMP)
GROUP BY 1, 2, 3, 4, 5;
