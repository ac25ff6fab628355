-- The day's sessions and users are those of the sessions that started on it.
WITH expected AS (
    SELECT
        DATE_TRUNC('day', session_start) AS period_start,
        COUNT(*) AS sessions,
        COUNT(DISTINCT user_id) AS users
    FROM shopware_kpis.web_session
    WHERE
        session_start >= CAST(:period_start AS TIMESTAMP)
        AND session_start < CAST(:period_end AS TIMESTAMP)
    GROUP BY 1
),
found AS (
    SELECT
        CAST(analysis_date AS TIMESTAMP) AS period_start,
        SUM(sessions) AS sessions,
        SUM(unique_users) AS users
    FROM shopware_kpis.marketing_kpi_daily
    WHERE
        analysis_date >= CAST(:period_start AS TIMESTAMP)
        AND analysis_date < CAST(:period_end AS TIMESTAMP)
    GROUP BY 1
)
SELECT
    COALESCE(expected.period_start, found.period_start) AS period_start,
    'sessions' AS measure,
    CAST(COALESCE(expected.sessions, 0) AS DECIMAL(18, 2)) AS expected,
    CAST(COALESCE(found.sessions, 0) AS DECIMAL(18, 2)) AS found
FROM expected
FULL OUTER JOIN found ON expected.period_start = found.period_start
UNION ALL
SELECT
    COALESCE(expected.period_start, found.period_start) AS period_start,
    'users' AS measure,
    CAST(COALESCE(expected.users, 0) AS DECIMAL(18, 2)) AS expected,
    CAST(COALESCE(found.users, 0) AS DECIMAL(18, 2)) AS found
FROM expected
FULL OUTER JOIN found ON expected.period_start = found.period_start;
