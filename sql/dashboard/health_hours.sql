-- What the ledger says that each hour's tables hold; :until is exclusive.
SELECT stream, landing_hour, SUM(loaded) AS loaded, SUM(records - loaded - quarantined - duplicates_dropped) AS missing
FROM shopware_ops.load_history
WHERE superseded_at IS NULL
    AND landing_hour >= CAST(:first AS TIMESTAMP) AND landing_hour < CAST(:until AS TIMESTAMP)
GROUP BY stream, landing_hour
ORDER BY stream, landing_hour
LIMIT 40000;
