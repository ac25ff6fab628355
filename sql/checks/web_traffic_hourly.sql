-- The events of an hour's cells are the events of the hour.
SELECT
    'expected' AS side,
    DATE_TRUNC('hour', event_at) AS period_start,
    COUNT(*) AS events
FROM shopware_stream.web_logs_stream
WHERE
    event_at >= CAST(:period_start AS TIMESTAMP)
    AND event_at < CAST(:period_end AS TIMESTAMP)
GROUP BY 2
UNION ALL
SELECT
    'found' AS side,
    event_hour AS period_start,
    SUM(events) AS events
FROM shopware_kpis.web_traffic_hourly
WHERE
    event_hour >= CAST(:period_start AS TIMESTAMP)
    AND event_hour < CAST(:period_end AS TIMESTAMP)
GROUP BY 2;
