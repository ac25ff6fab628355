-- What do the newest customer interactions look like? (The landing hour bounds what is read; people and their words
-- are left out.)
SELECT landing_hour, event_at, interaction_type, channel, rating, LEN(message_excerpt) AS excerpt_characters
FROM shopware_stream.customer_interaction_stream
WHERE landing_hour = (SELECT MAX(landing_hour) FROM shopware_stream.customer_interaction_stream)
ORDER BY event_at DESC
LIMIT 5;
