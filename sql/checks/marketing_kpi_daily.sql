-- The day's sessions and users are those of the sessions that started on it.
SELECT
    'expected' AS side,
    DATE_TRUNC('day', session_start) AS period_start,
    COUNT(*) AS sessions,
    COUNT(DISTINCT user_id) AS users
FROM shopware_kpis.web_session
WHERE
    session_start >= CAST(:period_start AS TIMESTAMP)
    AND session_start < CAST(:period_end AS TIMESTAMP)
GROUP BY 2
UNION ALL
SELECT
    'found' AS side,
    CAST(analysis_date AS TIMESTAMP) AS period_start,
    SUM(sessions) AS sessions,
    SUM(unique_users) AS users
FROM shopware_kpis.marketing_kpi_daily
WHERE
    analysis_date >= CAST(:period_start AS TIMESTAMP)
    AND analysis_date < CAST(:period_end AS TIMESTAMP)
GROUP BY 2;
