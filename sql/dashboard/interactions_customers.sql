-- Different customers; days cannot be added up, so the contacts themselves are counted.
SELECT COUNT(DISTINCT customer_id) AS customers
FROM shopware_stream.customer_interaction_stream
WHERE event_at >= CAST(:first AS TIMESTAMP) AND event_at < CAST(:until AS TIMESTAMP)
    AND (CAST(:type AS VARCHAR(50)) = '' OR COALESCE(NULLIF(interaction_type, ''), 'Unknown') = CAST(:type AS VARCHAR(50)))
    AND (CAST(:channel AS VARCHAR(50)) = '' OR COALESCE(NULLIF(channel, ''), 'Unknown') = CAST(:channel AS VARCHAR(50)));
