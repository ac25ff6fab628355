-- What the reconcile found in landing and the ledger has not had since, oldest first. Where a later version of an
-- object is loaded, the one that was found is of the past.
SELECT
    found.stream,
    found.landing_hour,
    found.kind,
    found.object_key,
    found.size_bytes,
    found.modified_at,
    found.first_at
FROM shopware_ops.reconcile_findings AS found
LEFT JOIN shopware_ops.load_history AS ledger
    ON ledger.stream = found.stream AND ledger.landing_hour = found.landing_hour
    AND ledger.object_key = found.object_key AND ledger.superseded_at IS NULL
    AND (ledger.etag = found.etag OR ledger.loaded_at > found.first_at)
WHERE ledger.object_key IS NULL
    AND (CAST(:stream AS VARCHAR(64)) = '' OR found.stream = CAST(:stream AS VARCHAR(64)))
ORDER BY found.landing_hour, found.stream, found.object_key
LIMIT 500;
