-- Which landing hours in [:first, :end) have objects that the reconcile found at its last look, and that were not loaded
-- since? kind: 'stray' for those whose names belong to no hour, else 'object'. found_before: how many of them an earlier look had found already.
SELECT
    found.stream,
    found.landing_hour,
    CASE WHEN found.kind IN ('stray', 'outside') THEN 'stray' ELSE 'object' END AS kind,
    COUNT(*) AS objects,
    SUM(CASE WHEN found.first_at < look.looked_at THEN 1 ELSE 0 END) AS found_before,
    MIN(found.first_at) AS first_at,
    MIN(found.object_key) AS example
FROM shopware_ops.reconcile_findings AS found
INNER JOIN shopware_ops.reconcile_looks AS look ON look.stream = found.stream
LEFT JOIN shopware_ops.load_history AS ledger
    ON ledger.stream = found.stream AND ledger.landing_hour = found.landing_hour
    AND ledger.object_key = found.object_key AND ledger.superseded_at IS NULL
    AND (ledger.etag = found.etag OR ledger.loaded_at > found.first_at)
WHERE ledger.object_key IS NULL
    AND found.landing_hour >= CAST(:first AS TIMESTAMP) AND found.landing_hour < CAST(:end AS TIMESTAMP)
    AND CAST(:stream AS VARCHAR(64)) IN ('', found.stream)
GROUP BY 1, 2, 3
ORDER BY 1, 2, 3;
