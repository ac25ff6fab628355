INSERT INTO shopware_kpis.interactions_hourly (
    event_hour, interaction_type, channel, interactions, rating_1, rating_2, rating_3, rating_4, rating_5, unrated
)
SELECT
    DATE_TRUNC('hour', event_at),
    COALESCE(NULLIF(interaction_type, ''), 'Unknown'),
    COALESCE(NULLIF(channel, ''), 'Unknown'),
    CAST(COUNT(*) AS BIGINT),
    CAST(COUNT(CASE WHEN rating = 1 THEN 1 END) AS BIGINT),
    CAST(COUNT(CASE WHEN rating = 2 THEN 1 END) AS BIGINT),
    CAST(COUNT(CASE WHEN rating = 3 THEN 1 END) AS BIGINT),
    CAST(COUNT(CASE WHEN rating = 4 THEN 1 END) AS BIGINT),
    CAST(COUNT(CASE WHEN rating = 5 THEN 1 END) AS BIGINT),
    CAST(COUNT(CASE WHEN rating IS NULL THEN 1 END) AS BIGINT)
FROM shopware_stream.customer_interaction_stream
WHERE event_at >= CAST(:period_start AS TIMESTAMP)
  AND event_at < CAST(:period_end AS TIMESTAMP)
GROUP BY 1, 2, 3;
