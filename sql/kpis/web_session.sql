-- A visit may go on after midnight and its events may arrive in any order: every event of a visit that has one in the
-- period is looked at, whenever it happened, and the visit is kept unless it began before the period.
INSERT INTO shopware_kpis.web_session (
    session_id, user_id, session_start, session_end, session_duration_secs, total_events, unique_pages,
    engagement_score, is_bounce, browser, device_type, entry_page
)
WITH touched AS (
    SELECT DISTINCT session_id
    FROM shopware_stream.web_logs_stream
    WHERE event_at >= CAST(:period_start AS TIMESTAMP)
      AND event_at < CAST(:period_end AS TIMESTAMP)
      AND session_id IS NOT NULL
),
events AS (
    SELECT logs.session_id, logs.event_at, logs.event_type, logs.user_id, logs.browser, logs.device_type, logs.page
    FROM shopware_stream.web_logs_stream AS logs
    INNER JOIN touched ON touched.session_id = logs.session_id
),
sessions AS (
    SELECT
        session_id,
        MIN(event_at) AS session_start,
        MAX(event_at) AS session_end,
        COUNT(*) AS total_events,
        COUNT(DISTINCT NULLIF(page, '')) AS unique_pages,
        SUM(CASE event_type WHEN 'Click' THEN 2 WHEN 'View' THEN 1 WHEN 'Scroll' THEN 1 ELSE 0 END) AS engagement_score
    FROM events
    GROUP BY session_id
    HAVING MIN(event_at) >= CAST(:period_start AS TIMESTAMP)
),
first_events AS (
    -- Of events at the same moment the alphabet decides, so that every refresh chooses the same.
    SELECT
        session_id, user_id, browser, device_type, page,
        ROW_NUMBER() OVER (
            PARTITION BY session_id
            ORDER BY
                event_at, user_id NULLS LAST, page NULLS LAST, browser NULLS LAST, device_type NULLS LAST
        ) AS place
    FROM events
)
SELECT
    sessions.session_id,
    first_events.user_id,
    sessions.session_start,
    sessions.session_end,
    CAST(DATEDIFF(microsecond, sessions.session_start, sessions.session_end) AS DOUBLE PRECISION) / 1000000,
    CAST(sessions.total_events AS BIGINT),
    CAST(sessions.unique_pages AS BIGINT),
    CAST(sessions.engagement_score AS BIGINT),
    sessions.total_events = 1,
    COALESCE(NULLIF(first_events.browser, ''), 'Unknown'),
    COALESCE(NULLIF(first_events.device_type, ''), 'Unknown'),
    COALESCE(NULLIF(first_events.page, ''), 'Unknown')
FROM sessions
INNER JOIN first_events ON first_events.session_id = sessions.session_id AND first_events.place = 1;
