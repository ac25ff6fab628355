-- What ledger and receipts say that each hour's tables hold; :until is exclusive.
SELECT
    ledger.stream,
    ledger.landing_hour,
    ledger.loaded + COALESCE(receipts.replayed, 0) AS loaded,
    ledger.missing
FROM (
    SELECT stream, landing_hour, SUM(loaded) AS loaded,
        SUM(records - loaded - quarantined - duplicates_dropped) AS missing
    FROM shopware_ops.load_history
    WHERE superseded_at IS NULL
        AND landing_hour >= CAST(:first AS TIMESTAMP) AND landing_hour < CAST(:until AS TIMESTAMP)
    GROUP BY stream, landing_hour
) AS ledger
LEFT JOIN (
    SELECT stream, landing_hour, COUNT(*) AS replayed
    FROM shopware_ops.quarantine_receipts
    WHERE superseded_at IS NULL AND outcome = 'replayed'
    GROUP BY stream, landing_hour
) AS receipts
    ON receipts.stream = ledger.stream AND receipts.landing_hour = ledger.landing_hour
ORDER BY ledger.stream, ledger.landing_hour
LIMIT 40000;
