-- The last loads.
SELECT
    MAX(loaded_at) AS loaded_at,
    stream,
    landing_hour,
    run_id,
    COUNT(*) AS objects,
    SUM(records) AS records,
    SUM(loaded) AS loaded,
    SUM(quarantined) AS quarantined,
    SUM(duplicates_dropped) AS duplicates_dropped
FROM shopware_ops.load_history
WHERE landing_hour >= CAST(:first AS TIMESTAMP) AND landing_hour < CAST(:until AS TIMESTAMP)
    AND (CAST(:stream AS VARCHAR(64)) = '' OR stream = CAST(:stream AS VARCHAR(64)))
GROUP BY stream, landing_hour, run_id
ORDER BY loaded_at DESC, stream, landing_hour
LIMIT 500;
