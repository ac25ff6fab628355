-- What went wrong and is not well yet, newest first.
SELECT kind, about, partition_key, summary, times, first_at, last_at, run_id
FROM shopware_ops.alerts
WHERE well_at IS NULL
ORDER BY last_at DESC, kind, about, partition_key
LIMIT 500;
