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
)
SELECT
    'expected' AS side,
    DATE_TRUNC('day', transaction_timestamp) AS period_start,
    COUNT(*) AS transactions,
    SUM(revenue) AS revenue
FROM ranked
WHERE
    place = 1
    AND transaction_timestamp >= CAST(:period_start AS TIMESTAMP)
    AND transaction_timestamp < CAST(:period_end AS TIMESTAMP)
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
