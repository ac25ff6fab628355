-- The interactions of an hour's cells are those of the hour, each rated or unrated.
WITH expected AS (
    SELECT
        DATE_TRUNC('hour', event_at) AS period_start,
        COUNT(*) AS interactions,
        COUNT(rating) AS rated
    FROM shopware_stream.customer_interaction_stream
    WHERE
        event_at >= CAST(:period_start AS TIMESTAMP)
        AND event_at < CAST(:period_end AS TIMESTAMP)
    GROUP BY 1
),
found AS (
    SELECT
        event_hour AS period_start,
        SUM(interactions) AS interactions,
        SUM(rating_1 + rating_2 + rating_3 + rating_4 + rating_5) AS rated
    FROM shopware_kpis.interactions_hourly
    WHERE
        event_hour >= CAST(:period_start AS TIMESTAMP)
        AND event_hour < CAST(:period_end AS TIMESTAMP)
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
    'rated' AS measure,
    CAST(COALESCE(expected.rated, 0) AS DECIMAL(18, 2)) AS expected,
    CAST(COALESCE(found.rated, 0) AS DECIMAL(18, 2)) AS found
FROM expected
FULL OUTER JOIN found ON expected.period_start = found.period_start;
