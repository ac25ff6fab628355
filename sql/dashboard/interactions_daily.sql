-- The support team's figures, day by day.
SELECT
    analysis_date, total_interactions, unique_customers, avg_rating, feedback_score, low_rating_pct, rated_interactions,
    low_ratings, feedback_count, loyalty_count, complaint_count, avg_time_to_resolution_secs
FROM shopware_kpis.support_kpi_daily
WHERE analysis_date >= CAST(:first AS DATE) AND analysis_date < CAST(:until AS DATE)
ORDER BY analysis_date DESC
LIMIT 400;
