-- The event hours to which rows are about to go whose time cannot be (before the first partition, or more than a day
-- ahead), and those of their sessions' other events: what is computed from them is to be computed anew.
INSERT INTO shopware_ops.changed_hours (source_table, event_hour, change_no, changed_rows, run_id)
SELECT 'shopware_stream.web_logs_stream', hours.event_hour, last.change_no + 1, hours.changed_rows, 'migration 0010'
FROM (
    SELECT moved.event_hour, SUM(moved.changed_rows) AS changed_rows
    FROM (
        SELECT DATE_TRUNC('hour', CASE
                WHEN ingestion_timestamp >= '2015-05-01' AND ingestion_timestamp < DATEADD(day, 1, SYSDATE)
                    THEN ingestion_timestamp
                ELSE landing_hour
            END) AS event_hour, 1 AS changed_rows
        FROM shopware_stream.web_logs_stream
        WHERE event_at < '2015-05-01' OR event_at >= DATEADD(day, 1, SYSDATE)
        UNION ALL
        SELECT DATE_TRUNC('hour', event_at), 0
        FROM shopware_stream.web_logs_stream
        WHERE event_at >= '2015-05-01' AND event_at < DATEADD(day, 1, SYSDATE) AND session_id IN (
            SELECT session_id
            FROM shopware_stream.web_logs_stream
            WHERE event_at < '2015-05-01' OR event_at >= DATEADD(day, 1, SYSDATE)
        )
    ) AS moved
    GROUP BY moved.event_hour
) AS hours
CROSS JOIN (
    SELECT COALESCE(MAX(change_no), 0) AS change_no
    FROM shopware_ops.changed_hours
    WHERE source_table = 'shopware_stream.web_logs_stream'
) AS last;
