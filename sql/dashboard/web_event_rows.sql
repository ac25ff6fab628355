-- The newest events as they were loaded. Personal columns leave the warehouse only when :personal is 1.
SELECT
    event_at,
    event_type,
    browser,
    device_type,
    page,
    CASE WHEN CAST(:personal AS INTEGER) = 1 THEN user_id END AS user_id,
    CASE WHEN CAST(:personal AS INTEGER) = 1 THEN session_id END AS session_id,
    landing_hour
FROM shopware_stream.web_logs_stream
WHERE event_at >= CAST(:first AS TIMESTAMP) AND event_at < CAST(:until AS TIMESTAMP)
    AND (CAST(:event_type AS VARCHAR(255)) = '' OR COALESCE(NULLIF(event_type, ''), 'Unknown') = CAST(:event_type AS VARCHAR(255)))
    AND (CAST(:browser AS VARCHAR(255)) = '' OR COALESCE(NULLIF(browser, ''), 'Unknown') = CAST(:browser AS VARCHAR(255)))
    AND (CAST(:device AS VARCHAR(255)) = '' OR COALESCE(NULLIF(device_type, ''), 'Unknown') = CAST(:device AS VARCHAR(255)))
    AND (CAST(:page AS VARCHAR(255)) = '' OR COALESCE(NULLIF(page, ''), 'Unknown') = CAST(:page AS VARCHAR(255)))
ORDER BY event_at DESC
LIMIT 500;
