-- Which periods of a derived table (:table_name, of the grain 'hour' or 'day' in :grain) have changes of :source_table
-- in [:first, :end) that they were not computed from?
SELECT changed.period_start
FROM (
    SELECT
        CASE WHEN CAST(:grain AS VARCHAR(8)) = 'hour' THEN event_hour ELSE DATE_TRUNC('day', event_hour) END
            AS period_start,
        MAX(change_no) AS change_no
    FROM shopware_ops.changed_hours
    WHERE source_table = CAST(:source_table AS VARCHAR(130))
        AND event_hour >= CAST(:first AS TIMESTAMP) AND event_hour < CAST(:end AS TIMESTAMP)
    GROUP BY 1
) AS changed
LEFT JOIN (
    SELECT period_start, MAX(change_no) AS change_no
    FROM shopware_ops.refresh_history
    WHERE table_name = CAST(:table_name AS VARCHAR(130)) AND source_table = CAST(:source_table AS VARCHAR(130))
    GROUP BY period_start
) AS seen ON seen.period_start = changed.period_start
WHERE seen.change_no IS NULL OR seen.change_no < changed.change_no
ORDER BY changed.period_start;
