-- Every snapshot that was delivered is there once, on the day of its event_at.
SELECT
    'expected' AS side,
    DATE_TRUNC('day', event_at) AS period_start,
    COUNT(DISTINCT inventory_id || ':' || CAST(event_at AS VARCHAR(32))) AS snapshots
FROM shopware_processed.inventory_records
WHERE
    event_at >= CAST(:period_start AS TIMESTAMP)
    AND event_at < CAST(:period_end AS TIMESTAMP)
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
