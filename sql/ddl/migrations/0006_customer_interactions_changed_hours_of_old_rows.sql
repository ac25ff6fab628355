-- Event hours of rows that were loaded before changes were recorded: without these, no derived table would see them.
INSERT INTO shopware_ops.changed_hours (source_table, event_hour, change_no, changed_rows)
SELECT 'shopware_stream.customer_interaction_stream', hours.event_hour, last.change_no + 1, hours.changed_rows
FROM (
    SELECT DATE_TRUNC('hour', event_at) AS event_hour, COUNT(*) AS changed_rows
    FROM shopware_stream.customer_interaction_stream
    GROUP BY 1
) AS hours
CROSS JOIN (
    SELECT COALESCE(MAX(change_no), 0) AS change_no
    FROM shopware_ops.changed_hours
    WHERE source_table = 'shopware_stream.customer_interaction_stream'
) AS last
LEFT JOIN (
    SELECT DISTINCT event_hour
    FROM shopware_ops.changed_hours
    WHERE source_table = 'shopware_stream.customer_interaction_stream'
) AS known ON known.event_hour = hours.event_hour
WHERE known.event_hour IS NULL;
