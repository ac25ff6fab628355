-- The newest visits. Personal columns leave the warehouse only when :personal is 1.
SELECT
    session_start,
    session_duration_secs,
    total_events,
    unique_pages,
    engagement_score,
    is_bounce,
    browser,
    device_type,
    entry_page,
    CASE WHEN CAST(:personal AS INTEGER) = 1 THEN user_id END AS user_id,
    CASE WHEN CAST(:personal AS INTEGER) = 1 THEN session_id END AS session_id
FROM shopware_kpis.web_session
WHERE session_start >= CAST(:first AS TIMESTAMP) AND session_start < CAST(:until AS TIMESTAMP)
    AND (CAST(:browser AS VARCHAR(255)) = '' OR browser = CAST(:browser AS VARCHAR(255)))
    AND (CAST(:device AS VARCHAR(255)) = '' OR device_type = CAST(:device AS VARCHAR(255)))
ORDER BY session_start DESC
LIMIT 500;
