-- A transaction may have been delivered several times, also with another day: every record of a transaction that has
-- one in the period is looked at, the latest counts, and only if it lies in the period itself.
INSERT INTO shopware_processed.pos_daily (
    transaction_id, store_id, product_id, quantity, revenue, discount_applied, transaction_timestamp, net_revenue,
    sale_category, processing_date, run_id, loaded_at
)
WITH touched AS (
    SELECT DISTINCT transaction_id
    FROM shopware_processed.pos_records
    WHERE event_at >= CAST(:period_start AS TIMESTAMP)
      AND event_at < CAST(:period_end AS TIMESTAMP)
),
delivered AS (
    -- The first three say which delivery is the latest; the others only decide between two that say the same.
    SELECT
        records.*,
        ROW_NUMBER() OVER (
            PARTITION BY records.transaction_id
            ORDER BY
                records.delivered_at DESC NULLS LAST, records.landing_hour DESC, records.record_number DESC NULLS LAST,
                records.event_at DESC, records.store_id, records.product_id, records.quantity, records.revenue,
                records.discount_applied NULLS LAST
        ) AS place
    FROM shopware_processed.pos_records AS records
    INNER JOIN touched ON touched.transaction_id = records.transaction_id
)
SELECT
    transaction_id,
    store_id,
    product_id,
    quantity,
    revenue,
    discount_applied,
    event_at,
    CAST(revenue - COALESCE(discount_applied, CAST(0 AS DECIMAL(12,2))) AS DECIMAL(12,2)),
    CAST(
        CASE WHEN revenue >= 100 THEN 'HIGH_VALUE' WHEN revenue >= 50 THEN 'MEDIUM_VALUE' ELSE 'LOW_VALUE' END
        AS VARCHAR(16)
    ),
    CAST(landing_hour AS DATE),
    CAST(:run_id AS VARCHAR(64)),
    GETDATE()
FROM delivered
WHERE place = 1
  AND event_at >= CAST(:period_start AS TIMESTAMP)
  AND event_at < CAST(:period_end AS TIMESTAMP);
