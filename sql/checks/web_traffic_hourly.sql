-- The events of an hour's cells are the events of the hour.
WITH expected AS (
    SELECT
        DATE_TRUNC('hour', event_at) AS period_start,
        COUNT(*) AS events
    FROM shopware_stream.web_logs_stream
    WHERE
        event_at >= CAST(:period_start AS TIMESTAMP)
        AND event_at < CAST(:period_end AS TIMESTAMP)
    GROUP BY 1
),
found AS (
    SELECT
        event_hour AS period_start,
        SUM(events) AS events
    FROM shopware_kpis.web_traffic_hourly
    WHERE
        event_hour >= CAST(:period_start AS TIMESTAMP)
        AND event_hour < CAST(:period_end AS TIMESTAMP)
    GROUP BY 1
)
SELECT
    COALESCE(expected.period_start, found.period_start) AS period_start,
    'events' AS measure,
    CAST(COALESCE(expected.events, 0) AS DECIMAL(18, 2)) AS expected,
    CAST(COALESCE(found.events, 0) AS DECIMAL(18, 2)) AS found
FROM expected
FULL OUTER JOIN found ON expected.period_start = found.period_start;
