-- The sessions that start on a day are those of the stream, with all their events.
WITH streamed AS (
    SELECT
        session_id,
        MIN(event_at) AS session_start,
        COUNT(*) AS events
    FROM shopware_stream.web_logs_stream
    WHERE session_id IN (
        SELECT session_id
        FROM shopware_stream.web_logs_stream
        WHERE
            event_at >= CAST(:period_start AS TIMESTAMP)
            AND event_at < CAST(:period_end AS TIMESTAMP)
    )
    GROUP BY session_id
)
SELECT
    'expected' AS side,
    DATE_TRUNC('day', session_start) AS period_start,
    SUM(events) AS events,
    COUNT(*) AS sessions
FROM streamed
WHERE
    session_start >= CAST(:period_start AS TIMESTAMP)
    AND session_start < CAST(:period_end AS TIMESTAMP)
GROUP BY 2
UNION ALL
SELECT
    'found' AS side,
    DATE_TRUNC('day', session_start) AS period_start,
    SUM(total_events) AS events,
    COUNT(*) AS sessions
FROM shopware_kpis.web_session
WHERE
    session_start >= CAST(:period_start AS TIMESTAMP)
    AND session_start < CAST(:period_end AS TIMESTAMP)
GROUP BY 2;
