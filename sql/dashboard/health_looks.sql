-- The last look of the reconcile at each stream.
SELECT stream, looked_at, objects, not_loaded, said
FROM shopware_ops.reconcile_looks
WHERE CAST(:stream AS VARCHAR(64)) = '' OR stream = CAST(:stream AS VARCHAR(64))
ORDER BY stream
LIMIT 100;
