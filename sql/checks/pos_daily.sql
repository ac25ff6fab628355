-- Every transaction is a sale on the day of its last delivery, and on no other.
WITH ranked AS (
    SELECT
        transaction_id,
        transaction_timestamp,
        revenue,
        ROW_NUMBER() OVER (
            PARTITION BY transaction_id
            ORDER BY
                delivered_at DESC NULLS LAST, landing_hour DESC, record_number DESC NULLS LAST,
                transaction_timestamp DESC, store_id, product_id, quantity, revenue, discount_applied NULLS LAST
        ) AS place
    FROM shopware_processed.pos_records
    WHERE transaction_id IN (
        SELECT transaction_id
        FROM shopware_processed.pos_records
        WHERE
            event_at >= CAST(:period_start AS TIMESTAMP)
            AND event_at < CAST(:period_end AS TIMESTAMP)
    )
),
expected AS (
    SELECT
        DATE_TRUNC('day', transaction_timestamp) AS period_start,
        COUNT(*) AS transactions,
        SUM(revenue) AS revenue
    FROM ranked
    WHERE
        place = 1
        AND transaction_timestamp >= CAST(:period_start AS TIMESTAMP)
        AND transaction_timestamp < CAST(:period_end AS TIMESTAMP)
    GROUP BY 1
),
found AS (
    SELECT
        DATE_TRUNC('day', transaction_timestamp) AS period_start,
        COUNT(*) AS transactions,
        SUM(revenue) AS revenue
    FROM shopware_processed.pos_daily
    WHERE
        transaction_timestamp >= CAST(:period_start AS TIMESTAMP)
        AND transaction_timestamp < CAST(:period_end AS TIMESTAMP)
    GROUP BY 1
)
SELECT
    COALESCE(expected.period_start, found.period_start) AS period_start,
    'transactions' AS measure,
    CAST(COALESCE(expected.transactions, 0) AS DECIMAL(18, 2)) AS expected,
    CAST(COALESCE(found.transactions, 0) AS DECIMAL(18, 2)) AS found
FROM expected
FULL OUTER JOIN found ON expected.period_start = found.period_start
UNION ALL
SELECT
    COALESCE(expected.period_start, found.period_start) AS period_start,
    'revenue' AS measure,
    CAST(COALESCE(expected.revenue, 0) AS DECIMAL(18, 2)) AS expected,
    CAST(COALESCE(found.revenue, 0) AS DECIMAL(18, 2)) AS found
FROM expected
FULL OUTER JOIN found ON expected.period_start = found.period_start;
