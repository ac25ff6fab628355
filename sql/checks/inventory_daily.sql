-- Every snapshot that was delivered is there once.
SELECT
    'expected' AS side,
    DATE_TRUNC('day', last_updated) AS period_start,
    COUNT(DISTINCT inventory_id || ':' || CAST(last_updated AS VARCHAR(32))) AS snapshots
FROM shopware_processed.inventory_records
WHERE
    last_updated >= CAST(:period_start AS TIMESTAMP)
    AND last_updated < CAST(:period_end AS TIMESTAMP)
GROUP BY 2
UNION ALL
SELECT
    'found' AS side,
    DATE_TRUNC('day', last_updated) AS period_start,
    COUNT(*) AS snapshots
FROM shopware_processed.inventory_daily
WHERE
    last_updated >= CAST(:period_start AS TIMESTAMP)
    AND last_updated < CAST(:period_end AS TIMESTAMP)
GROUP BY 2;
