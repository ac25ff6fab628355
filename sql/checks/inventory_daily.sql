-- Every snapshot that was delivered is there once.
WITH expected AS (
    SELECT
        DATE_TRUNC('day', last_updated) AS period_start,
        COUNT(DISTINCT inventory_id || ':' || CAST(last_updated AS VARCHAR(32))) AS snapshots
    FROM shopware_processed.inventory_records
    WHERE
        last_updated >= CAST(:period_start AS TIMESTAMP)
        AND last_updated < CAST(:period_end AS TIMESTAMP)
    GROUP BY 1
),
found AS (
    SELECT
        DATE_TRUNC('day', last_updated) AS period_start,
        COUNT(*) AS snapshots
    FROM shopware_processed.inventory_daily
    WHERE
        last_updated >= CAST(:period_start AS TIMESTAMP)
        AND last_updated < CAST(:period_end AS TIMESTAMP)
    GROUP BY 1
)
SELECT
    COALESCE(expected.period_start, found.period_start) AS period_start,
    'snapshots' AS measure,
    CAST(COALESCE(expected.snapshots, 0) AS DECIMAL(18, 2)) AS expected,
    CAST(COALESCE(found.snapshots, 0) AS DECIMAL(18, 2)) AS found
FROM expected
FULL OUTER JOIN found ON expected.period_start = found.period_start;
