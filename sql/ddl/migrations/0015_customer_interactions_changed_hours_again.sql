-- The same hours once more: what was computed between the two files has not seen the rows where they are now.
INSERT INTO shopware_ops.changed_hours (source_table, event_hour, change_no, changed_rows, run_id)
SELECT hours.source_table, hours.event_hour, last.change_no + 1, hours.changed_rows, 'migration 0015'
FROM shopware_ops.changed_hours AS hours
CROSS JOIN (
    SELECT COALESCE(MAX(change_no), 0) AS change_no
    FROM shopware_ops.changed_hours
    WHERE source_table = 'shopware_stream.customer_interaction_stream'
) AS last
WHERE hours.source_table = 'shopware_stream.customer_interaction_stream'
    AND hours.run_id = 'migration 0013';
