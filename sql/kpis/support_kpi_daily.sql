-- Nothing records when a complaint is resolved: the time from a customer's first to last complaint of the day stands
-- for it, where there are two.
INSERT INTO shopware_kpis.support_kpi_daily (
    analysis_date, feedback_score, total_interactions, unique_customers, low_rating_pct, avg_time_to_resolution_secs,
    avg_rating, rated_interactions, low_ratings, feedback_count, loyalty_count, complaint_count, email_count, app_count,
    phone_count, unknown_channel_count
)
WITH contacts AS (
    SELECT CAST(event_at AS DATE) AS analysis_date, event_at, customer_id, interaction_type, channel, rating
    FROM shopware_stream.customer_interaction_stream
    WHERE event_at >= CAST(:period_start AS TIMESTAMP)
      AND event_at < CAST(:period_end AS TIMESTAMP)
),
resolutions AS (
    SELECT analysis_date, DATEDIFF(microsecond, MIN(event_at), MAX(event_at)) AS microseconds
    FROM contacts
    WHERE interaction_type = 'Complaint'
    GROUP BY analysis_date, customer_id
    HAVING COUNT(*) >= 2
),
resolution_days AS (
    SELECT analysis_date, AVG(CAST(microseconds AS DOUBLE PRECISION)) / 1000000 AS average_secs
    FROM resolutions
    GROUP BY analysis_date
),
days AS (
    SELECT
        analysis_date,
        AVG(CASE WHEN interaction_type = 'Feedback' THEN CAST(rating AS DOUBLE PRECISION) END) AS feedback_score,
        COUNT(*) AS total_interactions,
        COUNT(DISTINCT customer_id) AS unique_customers,
        AVG(CAST(rating AS DOUBLE PRECISION)) AS avg_rating,
        COUNT(rating) AS rated_interactions,
        COUNT(CASE WHEN rating <= 2 THEN 1 END) AS low_ratings,
        COUNT(CASE WHEN interaction_type = 'Feedback' THEN 1 END) AS feedback_count,
        COUNT(CASE WHEN interaction_type = 'Loyalty' THEN 1 END) AS loyalty_count,
        COUNT(CASE WHEN interaction_type = 'Complaint' THEN 1 END) AS complaint_count,
        COUNT(CASE WHEN channel = 'Email' THEN 1 END) AS email_count,
        COUNT(CASE WHEN channel = 'App' THEN 1 END) AS app_count,
        COUNT(CASE WHEN channel = 'Phone' THEN 1 END) AS phone_count
    FROM contacts
    GROUP BY analysis_date
)
SELECT
    days.analysis_date,
    days.feedback_score,
    CAST(days.total_interactions AS BIGINT),
    CAST(days.unique_customers AS BIGINT),
    100 * CAST(days.low_ratings AS DOUBLE PRECISION) / NULLIF(days.rated_interactions, 0),
    resolution_days.average_secs,
    days.avg_rating,
    CAST(days.rated_interactions AS BIGINT),
    CAST(days.low_ratings AS BIGINT),
    CAST(days.feedback_count AS BIGINT),
    CAST(days.loyalty_count AS BIGINT),
    CAST(days.complaint_count AS BIGINT),
    CAST(days.email_count AS BIGINT),
    CAST(days.app_count AS BIGINT),
    CAST(days.phone_count AS BIGINT),
    CAST(days.total_interactions - days.email_count - days.app_count - days.phone_count AS BIGINT)
FROM days
LEFT JOIN resolution_days ON resolution_days.analysis_date = days.analysis_date;
