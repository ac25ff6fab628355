-- What do the newest POS records look like? (The landing hour bounds what is read.)
SELECT
    landing_hour, event_at, transaction_id, store_id, product_id, quantity, revenue, discount_applied, delivered_at,
    record_number
FROM shopware_processed.pos_records
WHERE landing_hour = (SELECT MAX(landing_hour) FROM shopware_processed.pos_records)
ORDER BY record_number
LIMIT 5;
