-- What became of the records that landed, per stream and landing hour in [:first, :end), say the ledger and the receipts
-- of quarantine? In every hour records = loaded + quarantined + duplicates_dropped + replayed + discarded, where
-- quarantined are those that still are, and loaded + replayed = the table's rows (rows_per_hour.sql).
SELECT
    ledger.stream,
    ledger.landing_hour,
    ledger.objects,
    ledger.records,
    ledger.loaded,
    ledger.quarantined - COALESCE(receipts.replayed, 0) - COALESCE(receipts.discarded, 0) AS quarantined,
    ledger.duplicates_dropped,
    COALESCE(receipts.replayed, 0) AS replayed,
    COALESCE(receipts.discarded, 0) AS discarded
FROM (
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
) AS ledger
LEFT JOIN (
    SELECT
        stream,
        landing_hour,
        SUM(CASE WHEN outcome = 'replayed' THEN 1 ELSE 0 END) AS replayed,
        SUM(CASE WHEN outcome = 'discarded' THEN 1 ELSE 0 END) AS discarded
    FROM shopware_ops.quarantine_receipts
    WHERE superseded_at IS NULL
    GROUP BY stream, landing_hour
) AS receipts
    ON receipts.stream = ledger.stream AND receipts.landing_hour = ledger.landing_hour
ORDER BY ledger.stream, ledger.landing_hour;
