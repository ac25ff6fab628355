-- What became of the records that landed: by hour, or by day when :hourly is 0. Loaded are replayed ones too, quarantined are
-- those that still are.
SELECT
    CASE WHEN CAST(:hourly AS INTEGER) = 1 THEN landing_hour ELSE DATE_TRUNC('day', landing_hour) END AS period,
    stream,
    SUM(records) AS records,
    SUM(loaded) AS loaded,
    SUM(replayed) AS replayed,
    SUM(quarantined) AS quarantined,
    SUM(discarded) AS discarded,
    SUM(duplicates_dropped) AS duplicates_dropped
FROM (
    SELECT landing_hour, stream, records, loaded, 0 AS replayed, quarantined, 0 AS discarded, duplicates_dropped
    FROM shopware_ops.load_history
    WHERE superseded_at IS NULL
        AND landing_hour >= CAST(:first AS TIMESTAMP) AND landing_hour < CAST(:until AS TIMESTAMP)
        AND (CAST(:stream AS VARCHAR(64)) = '' OR stream = CAST(:stream AS VARCHAR(64)))
    UNION ALL
    SELECT
        landing_hour, stream, 0,
        CASE WHEN outcome = 'replayed' THEN 1 ELSE 0 END,
        CASE WHEN outcome = 'replayed' THEN 1 ELSE 0 END,
        -1,
        CASE WHEN outcome = 'discarded' THEN 1 ELSE 0 END,
        0
    FROM shopware_ops.quarantine_receipts
    WHERE superseded_at IS NULL
        AND landing_hour >= CAST(:first AS TIMESTAMP) AND landing_hour < CAST(:until AS TIMESTAMP)
        AND (CAST(:stream AS VARCHAR(64)) = '' OR stream = CAST(:stream AS VARCHAR(64)))
) AS became
GROUP BY 1, stream
ORDER BY 1, stream
LIMIT 20000;
