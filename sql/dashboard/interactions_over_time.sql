-- Contacts and their ratings over time: by hour, or by day when :hourly is 0.
SELECT
    CASE WHEN CAST(:hourly AS INTEGER) = 1 THEN event_hour ELSE DATE_TRUNC('day', event_hour) END AS period,
    channel,
    SUM(interactions) AS interactions,
    SUM(rating_1) AS rating_1,
    SUM(rating_2) AS rating_2,
    SUM(rating_3) AS rating_3,
    SUM(rating_4) AS rating_4,
    SUM(rating_5) AS rating_5
FROM shopware_kpis.interactions_hourly
WHERE event_hour >= CAST(:first AS TIMESTAMP) AND event_hour < CAST(:until AS TIMESTAMP)
    AND (CAST(:type AS VARCHAR(50)) = '' OR interaction_type = CAST(:type AS VARCHAR(50)))
    AND (CAST(:channel AS VARCHAR(50)) = '' OR channel = CAST(:channel AS VARCHAR(50)))
GROUP BY 1, channel
ORDER BY 1, channel
LIMIT 100000;
