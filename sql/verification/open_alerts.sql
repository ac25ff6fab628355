-- Which runs and checks failed in Dagster and were not well since, newest first? What was mended by a command stays
-- here until a run finds it well.
SELECT kind, about, partition_key, summary, times, last_at
FROM shopware_ops.alerts
WHERE well_at IS NULL
ORDER BY last_at DESC, kind, about, partition_key;
