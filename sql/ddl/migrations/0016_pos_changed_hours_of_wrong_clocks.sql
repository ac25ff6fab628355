-- The event hours to which rows are about to go whose time cannot be (before the first partition, or more than a day
-- ahead), and those of other records of their sales: what is computed from them is to be computed anew.
INSERT INTO shopware_ops.changed_hours (source_table, event_hour, change_no, changed_rows, run_id)
SELECT 'shopware_processed.pos_records', hours.event_hour, last.change_no + 1, hours.changed_rows, 'migration 0016'
FROM (
    SELECT moved.event_hour, SUM(moved.changed_rows) AS changed_rows
    FROM (
        SELECT DATE_TRUNC('hour', landing_hour) AS event_hour, 1 AS changed_rows
        FROM shopware_processed.pos_records
        WHERE event_at < '2015-05-01' OR event_at >= DATEADD(day, 1, SYSDATE)
        UNION ALL
        SELECT DATE_TRUNC('hour', event_at), 0
        FROM shopware_processed.pos_records
        WHERE event_at >= '2015-05-01' AND event_at < DATEADD(day, 1, SYSDATE) AND transaction_id IN (
            SELECT transaction_id
            FROM shopware_processed.pos_records
            WHERE event_at < '2015-05-01' OR event_at >= DATEADD(day, 1, SYSDATE)
        )
    ) AS moved
    GROUP BY moved.event_hour
) AS hours
CROSS JOIN (
    SELECT COALESCE(MAX(change_no), 0) AS change_no
    FROM shopware_ops.changed_hours
    WHERE source_table = 'shopware_processed.pos_records'
) AS last;
