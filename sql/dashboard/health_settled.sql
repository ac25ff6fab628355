-- What became of quarantine, per stream, whenever it landed: open, replayed, discarded.
SELECT
    ledger.stream,
    ledger.quarantined - COALESCE(receipts.replayed, 0) - COALESCE(receipts.discarded, 0) AS still_open,
    COALESCE(receipts.replayed, 0) AS replayed,
    COALESCE(receipts.discarded, 0) AS discarded
FROM (
    SELECT stream, SUM(quarantined) AS quarantined
    FROM shopware_ops.load_history
    WHERE superseded_at IS NULL
        AND (CAST(:stream AS VARCHAR(64)) = '' OR stream = CAST(:stream AS VARCHAR(64)))
    GROUP BY stream
) AS ledger
LEFT JOIN (
    SELECT
        stream,
        SUM(CASE WHEN outcome = 'replayed' THEN 1 ELSE 0 END) AS replayed,
        SUM(CASE WHEN outcome = 'discarded' THEN 1 ELSE 0 END) AS discarded
    FROM shopware_ops.quarantine_receipts
    WHERE superseded_at IS NULL
    GROUP BY stream
) AS receipts
    ON receipts.stream = ledger.stream
ORDER BY ledger.stream
LIMIT 100;
