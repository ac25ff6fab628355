-- How long after the end of a landing hour in [:first, :end) were its objects loaded? In seconds, per stream; hours
-- that were loaded long afterwards, in a backfill, count too.
SELECT
    stream,
    COUNT(*) AS objects,
    MEDIAN(DATEDIFF(second, DATEADD(hour, 1, landing_hour), loaded_at)) AS median_lag_secs,
    MAX(DATEDIFF(second, DATEADD(hour, 1, landing_hour), loaded_at)) AS longest_lag_secs
FROM shopware_ops.load_history
WHERE superseded_at IS NULL
    AND landing_hour >= CAST(:first AS TIMESTAMP) AND landing_hour < CAST(:end AS TIMESTAMP)
    AND CAST(:stream AS VARCHAR(64)) IN ('', stream)
GROUP BY stream
ORDER BY stream;
