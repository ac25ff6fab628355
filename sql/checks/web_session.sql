-- The sessions that start on a day are those of the stream, with all their events.
WITH started AS (
    SELECT
        session_id,
        DATE_TRUNC('day', session_start) AS period_start,
        total_events
    FROM shopware_kpis.web_session
    WHERE
        session_start >= CAST(:period_start AS TIMESTAMP)
        AND session_start < CAST(:period_end AS TIMESTAMP)
),
streamed AS (
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
),
expected AS (
    SELECT
        DATE_TRUNC('day', session_start) AS period_start,
        SUM(events) AS events,
        COUNT(*) AS sessions
    FROM streamed
    WHERE
        session_start >= CAST(:period_start AS TIMESTAMP)
        AND session_start < CAST(:period_end AS TIMESTAMP)
    GROUP BY 1
),
found AS (
    SELECT
        period_start,
        SUM(total_events) AS events,
        COUNT(*) AS sessions
    FROM started
    GROUP BY 1
)
SELECT
    COALESCE(expected.period_start, found.period_start) AS period_start,
    'events' AS measure,
    CAST(COALESCE(expected.events, 0) AS DECIMAL(18, 2)) AS expected,
    CAST(COALESCE(found.events, 0) AS DECIMAL(18, 2)) AS found
FROM expected
FULL OUTER JOIN found ON expected.period_start = found.period_start
UNION ALL
SELECT
    COALESCE(expected.period_start, found.period_start) AS period_start,
    'sessions' AS measure,
    CAST(COALESCE(expected.sessions, 0) AS DECIMAL(18, 2)) AS expected,
    CAST(COALESCE(found.sessions, 0) AS DECIMAL(18, 2)) AS found
FROM expected
FULL OUTER JOIN found ON expected.period_start = found.period_start;
