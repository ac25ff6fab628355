-- The newest contacts, with ratings from :lowest to :highest when :rated is 1. Personal columns leave the warehouse
-- only when :personal is 1.
SELECT
    event_at,
    interaction_type,
    COALESCE(NULLIF(channel, ''), 'Unknown') AS channel,
    rating,
    CASE WHEN CAST(:personal AS INTEGER) = 1 THEN customer_id END AS customer_id,
    CASE WHEN CAST(:personal AS INTEGER) = 1 THEN message_excerpt END AS message_excerpt
FROM shopware_stream.customer_interaction_stream
WHERE event_at >= CAST(:first AS TIMESTAMP) AND event_at < CAST(:until AS TIMESTAMP)
    AND (CAST(:type AS VARCHAR(50)) = '' OR COALESCE(NULLIF(interaction_type, ''), 'Unknown') = CAST(:type AS VARCHAR(50)))
    AND (CAST(:channel AS VARCHAR(50)) = '' OR COALESCE(NULLIF(channel, ''), 'Unknown') = CAST(:channel AS VARCHAR(50)))
    AND (
        CAST(:rated AS INTEGER) = 0
        OR (rating >= CAST(:lowest AS INTEGER) AND rating <= CAST(:highest AS INTEGER))
    )
ORDER BY event_at DESC
LIMIT 500;
