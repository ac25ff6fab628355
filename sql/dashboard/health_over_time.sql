-- What became of the records that landed: by hour, or by day when :hourly is 0.
SELECT
    CASE WHEN CAST(:hourly AS INTEGER) = 1 THEN landing_hour ELSE DATE_TRUNC('day', landing_hour) END AS period,
    stream,
    COUNT(*) AS objects,
    SUM(records) AS records,
    SUM(loaded) AS loaded,
    SUM(quarantined) AS quarantined,
    SUM(duplicates_dropped) AS duplicates_dropped
FROM shopware_ops.load_history
WHERE superseded_at IS NULL
    AND landing_hour >= CAST(:first AS TIMESTAMP) AND landing_hour < CAST(:until AS TIMESTAMP)
    AND (CAST(:stream AS VARCHAR(64)) = '' OR stream = CAST(:stream AS VARCHAR(64)))
GROUP BY 1, stream
ORDER BY 1, stream
LIMIT 20000;
