-- Every transaction is a sale on the day of its last delivery, and on no other. The day is that of event_at: a till with
-- a wrong clock sells on the day on which its file landed.
WITH ranked AS (
    SELECT
        transaction_id,
        event_at,
        revenue,
        ROW_NUMBER() OVER (
            PARTITION BY transaction_id
            ORDER BY
                delivered_at DESC NULLS LAST, landing_hour DESC, record_number DESC NULLS LAST,
                event_at DESC, store_id, product_id, quantity, revenue, discount_applied NULLS LAST
        ) AS place
    FROM shopware_processed.pos_records
    WHERE transaction_id IN (
        SELECT transaction_id
        FROM shopware_processed.pos_records
        WHERE
            event_at >= CAST(:period_start AS TIMESTAMP)
            AND event_at < CAST(:period_end AS TIMESTAMP)
    )
)
SELECT
    'expected' AS side,
    DATE_TRUNC('day', event_at) AS period_start,
    COUNT(*) AS transactions,
    SUM(revenue) AS revenue
FROM ranked
WHERE
    place = 1
    AND event_at >= CAST(:period_start AS TIMESTAMP)
    AND event_at < CAST(:period_end AS TIMESTAMP)
GROUP BY 2
UNION ALL
SELECT
    'found' AS side,
    DATE_TRUNC('day', transaction_timestamp) AS period_start,
    COUNT(*) AS transactions,
    SUM(revenue) AS revenue
FROM shopware_processed.pos_daily
WHERE
    transaction_timestamp >= CAST(:period_start AS TIMESTAMP)
    AND transaction_timestamp < CAST(:period_end AS TIMESTAMP)
GROUP BY 2;
