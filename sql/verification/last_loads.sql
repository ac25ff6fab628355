-- Which landing hours were loaded last, by which run, and what came of their records? The ledger's answer.
SELECT
    MAX(loaded_at) AS loaded_at,
    stream,
    landing_hour,
    run_id,
    COUNT(*) AS objects,
    SUM(loaded) AS loaded,
    SUM(quarantined) AS quarantined
FROM shopware_ops.load_history
WHERE landing_hour >= CAST(:first AS TIMESTAMP) AND landing_hour < CAST(:end AS TIMESTAMP)
    AND CAST(:stream AS VARCHAR(64)) IN ('', stream)
GROUP BY stream, landing_hour, run_id
ORDER BY 1 DESC, stream, landing_hour
LIMIT 20;
