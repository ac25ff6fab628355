-- Contacts by type and channel, with their ratings.
SELECT
    interaction_type,
    channel,
    SUM(interactions) AS interactions,
    SUM(rating_1) AS rating_1,
    SUM(rating_2) AS rating_2,
    SUM(rating_3) AS rating_3,
    SUM(rating_4) AS rating_4,
    SUM(rating_5) AS rating_5,
    SUM(unrated) AS unrated
FROM shopware_kpis.interactions_hourly
WHERE event_hour >= CAST(:first AS TIMESTAMP) AND event_hour < CAST(:until AS TIMESTAMP)
GROUP BY interaction_type, channel
ORDER BY interactions DESC, interaction_type, channel
LIMIT 100000;
