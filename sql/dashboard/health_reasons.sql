-- Why records are in quarantine still, of the objects that count now: by hour, or by day when :hourly is 0. A record with
-- two reasons counts under both.
SELECT
    CASE WHEN CAST(:hourly AS INTEGER) = 1 THEN landing_hour ELSE DATE_TRUNC('day', landing_hour) END AS period,
    reason,
    SUM(records) AS records
FROM shopware_ops.quarantine_reasons
WHERE landing_hour >= CAST(:first AS TIMESTAMP) AND landing_hour < CAST(:until AS TIMESTAMP)
    AND (CAST(:stream AS VARCHAR(64)) = '' OR stream = CAST(:stream AS VARCHAR(64)))
GROUP BY 1, 2
HAVING SUM(records) > 0
ORDER BY 1, 2
LIMIT 100000;
