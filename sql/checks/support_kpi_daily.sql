-- The day's interactions are those of the stream, and those of its channels.
SELECT
    'expected' AS side,
    DATE_TRUNC('day', event_at) AS period_start,
    COUNT(*) AS interactions,
    COUNT(*) AS by_channel,
    COUNT(DISTINCT customer_id) AS customers,
    COUNT(rating) AS rated
FROM shopware_stream.customer_interaction_stream
WHERE
    event_at >= CAST(:period_start AS TIMESTAMP)
    AND event_at < CAST(:period_end AS TIMESTAMP)
GROUP BY 2
UNION ALL
SELECT
    'found' AS side,
    CAST(analysis_date AS TIMESTAMP) AS period_start,
    SUM(total_interactions) AS interactions,
    SUM(email_count + app_count + phone_count + unknown_channel_count) AS by_channel,
    SUM(unique_customers) AS customers,
    SUM(rated_interactions) AS rated
FROM shopware_kpis.support_kpi_daily
WHERE
    analysis_date >= CAST(:period_start AS TIMESTAMP)
    AND analysis_date < CAST(:period_end AS TIMESTAMP)
GROUP BY 2;
