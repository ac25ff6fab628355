-- Is what COPY refused as :load_key in the warehouse since? 0 means no. A file of a replay is when its records have receipts.
-- Any other is when its hour was loaded after :since, for a load takes all that landing has of its hour: this file, or the
-- version of its object that is there now. For a file of no hour, and for one of a replay, :stream is empty.
SELECT COUNT(*) AS objects
FROM (
    SELECT load_key
    FROM shopware_ops.load_history
    WHERE superseded_at IS NULL
        AND loaded_at >= CAST(:since AS TIMESTAMP)
        AND (
            load_key = CAST(:load_key AS VARCHAR(4096))
            OR (stream = CAST(:stream AS VARCHAR(64)) AND landing_hour = CAST(:landing_hour AS TIMESTAMP))
        )
    UNION ALL
    SELECT load_key
    FROM shopware_ops.quarantine_receipts
    WHERE superseded_at IS NULL
        AND recorded_at >= CAST(:since AS TIMESTAMP)
        AND load_key = CAST(:load_key AS VARCHAR(4096))
) AS since_then;
