-- The day's interactions are those of the stream, and those of its channels.
WITH expected AS (
    SELECT
        DATE_TRUNC('day', event_at) AS period_start,
        COUNT(*) AS interactions,
        COUNT(*) AS by_channel,
        COUNT(DISTINCT customer_id) AS customers,
        COUNT(rating) AS rated
    FROM shopware_stream.customer_interaction_stream
    WHERE
        event_at >= CAST(:period_start AS TIMESTAMP)
        AND event_at < CAST(:period_end AS TIMESTAMP)
    GROUP BY 1
),
found AS (
    SELECT
        CAST(analysis_date AS TIMESTAMP) AS period_start,
        SUM(total_interactions) AS interactions,
        SUM(email_count + app_count + phone_count + unknown_channel_count) AS by_channel,
        SUM(unique_customers) AS customers,
        SUM(rated_interactions) AS rated
    FROM shopware_kpis.support_kpi_daily
    WHERE
        analysis_date >= CAST(:period_start AS TIMESTAMP)
        AND analysis_date < CAST(:period_end AS TIMESTAMP)
    GROUP BY 1
)
SELECT
    COALESCE(expected.period_start, found.period_start) AS period_start,
    'interactions' AS measure,
    CAST(COALESCE(expected.interactions, 0) AS DECIMAL(18, 2)) AS expected,
    CAST(COALESCE(found.interactions, 0) AS DECIMAL(18, 2)) AS found
FROM expected
FULL OUTER JOIN found ON expected.period_start = found.period_start
UNION ALL
SELECT
    COALESCE(expected.period_start, found.period_start) AS period_start,
    'by_channel' AS measure,
    CAST(COALESCE(expected.by_channel, 0) AS DECIMAL(18, 2)) AS expected,
    CAST(COALESCE(found.by_channel, 0) AS DECIMAL(18, 2)) AS found
FROM expected
FULL OUTER JOIN found ON expected.period_start = found.period_start
UNION ALL
SELECT
    COALESCE(expected.period_start, found.period_start) AS period_start,
    'customers' AS measure,
    CAST(COALESCE(expected.customers, 0) AS DECIMAL(18, 2)) AS expected,
    CAST(COALESCE(found.customers, 0) AS DECIMAL(18, 2)) AS found
FROM expected
FULL OUTER JOIN found ON expected.period_start = found.period_start
UNION ALL
SELECT
    COALESCE(expected.period_start, found.period_start) AS period_start,
    'rated' AS measure,
    CAST(COALESCE(expected.rated, 0) AS DECIMAL(18, 2)) AS expected,
    CAST(COALESCE(found.rated, 0) AS DECIMAL(18, 2)) AS found
FROM expected
FULL OUTER JOIN found ON expected.period_start = found.period_start;
