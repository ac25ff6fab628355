-- The event hours to which rows are about to go whose time cannot be (before the first partition, or more than a day
-- ahead): what is computed from them is to be computed anew.
INSERT INTO shopware_ops.changed_hours (source_table, event_hour, change_no, changed_rows, run_id)
SELECT 'shopware_stream.customer_interaction_stream', hours.event_hour, last.change_no + 1, hours.changed_rows, 'migration 0013'
FROM (
    SELECT moved.event_hour, SUM(moved.changed_rows) AS changed_rows
    FROM (
        SELECT DATE_TRUNC('hour', CASE
                WHEN ingestion_timestamp >= '2015-05-01' AND ingestion_timestamp < DATEADD(day, 1, SYSDATE)
                    THEN ingestion_timestamp
                ELSE landing_hour
            END) AS event_hour, 1 AS changed_rows
        FROM shopware_stream.customer_interaction_stream
        WHERE event_at < '2015-05-01' OR event_at >= DATEADD(day, 1, SYSDATE)
    ) AS moved
    GROUP BY moved.event_hour
) AS hours
CROSS JOIN (
    SELECT COALESCE(MAX(change_no), 0) AS change_no
    FROM shopware_ops.changed_hours
    WHERE source_table = 'shopware_stream.customer_interaction_stream'
) AS last;
