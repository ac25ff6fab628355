-- The interactions of an hour's cells are those of the hour, each rated or unrated.
SELECT
    'expected' AS side,
    DATE_TRUNC('hour', event_at) AS period_start,
    COUNT(*) AS interactions,
    COUNT(rating) AS rated
FROM shopware_stream.customer_interaction_stream
WHERE
    event_at >= CAST(:period_start AS TIMESTAMP)
    AND event_at < CAST(:period_end AS TIMESTAMP)
GROUP BY 2
UNION ALL
SELECT
    'found' AS side,
    event_hour AS period_start,
    SUM(interactions) AS interactions,
    SUM(rating_1 + rating_2 + rating_3 + rating_4 + rating_5) AS rated
FROM shopware_kpis.interactions_hourly
WHERE
    event_hour >= CAST(:period_start AS TIMESTAMP)
    AND event_hour < CAST(:period_end AS TIMESTAMP)
GROUP BY 2;
