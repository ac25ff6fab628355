-- What became of the records that landed, per stream and landing hour in [:first, :end), says the ledger? In every
-- hour records = loaded + quarantined + duplicates_dropped, and loaded = the table's rows (rows_per_hour.sql).
SELECT
    stream,
    landing_hour,
    COUNT(*) AS objects,
    SUM(records) AS records,
    SUM(loaded) AS loaded,
    SUM(quarantined) AS quarantined,
    SUM(duplicates_dropped) AS duplicates_dropped
FROM shopware_ops.load_history
WHERE superseded_at IS NULL
    AND landing_hour >= CAST(:first AS TIMESTAMP) AND landing_hour < CAST(:end AS TIMESTAMP)
    AND CAST(:stream AS VARCHAR(64)) IN ('', stream)
GROUP BY stream, landing_hour
ORDER BY stream, landing_hour;
