-- How many rows does each stream's table hold per landing hour in [:first, :end)? :stream is one of them, or '' for
-- all.
SELECT stream, landing_hour, COUNT(*) AS table_rows
FROM (
    SELECT CAST('web_logs' AS VARCHAR(64)) AS stream, landing_hour FROM shopware_stream.web_logs_stream
    UNION ALL
    SELECT CAST('customer_interactions' AS VARCHAR(64)) AS stream, landing_hour FROM shopware_stream.customer_interaction_stream
    UNION ALL
    SELECT CAST('pos' AS VARCHAR(64)) AS stream, landing_hour FROM shopware_processed.pos_records
    UNION ALL
    SELECT CAST('inventory' AS VARCHAR(64)) AS stream, landing_hour FROM shopware_processed.inventory_records
) AS landed
WHERE landing_hour >= CAST(:first AS TIMESTAMP) AND landing_hour < CAST(:end AS TIMESTAMP)
    AND CAST(:stream AS VARCHAR(64)) IN ('', stream)
GROUP BY stream, landing_hour
ORDER BY stream, landing_hour;
