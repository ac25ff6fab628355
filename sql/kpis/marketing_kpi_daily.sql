-- Visits count on the day of their start. A day with visits only, or with contacts only, has its row.
INSERT INTO shopware_kpis.marketing_kpi_daily (
    analysis_date, sessions, unique_users, avg_session_duration, bounce_rate_percent, customer_engagement_score,
    loyalty_activity_rate_percent
)
WITH visits AS (
    SELECT
        CAST(session_start AS DATE) AS analysis_date,
        COUNT(*) AS sessions,
        COUNT(DISTINCT user_id) AS unique_users,
        AVG(session_duration_secs) AS average_duration,
        COUNT(CASE WHEN is_bounce THEN 1 END) AS bounces
    FROM shopware_kpis.web_session
    WHERE session_start >= CAST(:period_start AS TIMESTAMP)
      AND session_start < CAST(:period_end AS TIMESTAMP)
    GROUP BY 1
),
contacts AS (
    SELECT
        CAST(event_at AS DATE) AS analysis_date,
        COUNT(*) AS interactions,
        COUNT(CASE WHEN interaction_type = 'Loyalty' THEN 1 END) AS loyalty,
        AVG(CASE WHEN interaction_type IN ('Feedback', 'Complaint') THEN CAST(rating AS DOUBLE PRECISION) END)
            AS average_rating
    FROM shopware_stream.customer_interaction_stream
    WHERE event_at >= CAST(:period_start AS TIMESTAMP)
      AND event_at < CAST(:period_end AS TIMESTAMP)
    GROUP BY 1
)
SELECT
    COALESCE(visits.analysis_date, contacts.analysis_date),
    CAST(COALESCE(visits.sessions, 0) AS BIGINT),
    CAST(COALESCE(visits.unique_users, 0) AS BIGINT),
    visits.average_duration,
    100 * CAST(visits.bounces AS DOUBLE PRECISION) / NULLIF(visits.sessions, 0),
    contacts.average_rating,
    100 * CAST(contacts.loyalty AS DOUBLE PRECISION) / NULLIF(contacts.interactions, 0)
FROM visits
FULL OUTER JOIN contacts ON contacts.analysis_date = visits.analysis_date;
