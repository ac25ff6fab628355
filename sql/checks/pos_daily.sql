-- Every transaction that was delivered for a day is a sale, on the day of its last delivery.
WITH delivered AS (
    SELECT DISTINCT
        DATE_TRUNC('day', transaction_timestamp) AS period_start,
        transaction_id
    FROM shopware_processed.pos_records
    WHERE
        transaction_timestamp >= CAST(:period_start AS TIMESTAMP)
        AND transaction_timestamp < CAST(:period_end AS TIMESTAMP)
)
SELECT
    delivered.period_start,
    'transactions' AS measure,
    CAST(COUNT(*) AS DECIMAL(18, 2)) AS expected,
    CAST(COUNT(sold.transaction_id) AS DECIMAL(18, 2)) AS found
FROM delivered
LEFT JOIN (SELECT DISTINCT transaction_id FROM shopware_processed.pos_daily) AS sold
    ON delivered.transaction_id = sold.transaction_id
GROUP BY 1;
