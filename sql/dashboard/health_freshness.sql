-- The newest hour of each stream, when it was last loaded, and how long after the end of an hour its records were there.
SELECT
    stream,
    MAX(landing_hour) AS newest_hour,
    MAX(loaded_at) AS last_load,
    MEDIAN(CASE
        WHEN landing_hour >= CAST(:first AS TIMESTAMP) AND landing_hour < CAST(:until AS TIMESTAMP)
            THEN DATEDIFF(second, DATEADD(hour, 1, landing_hour), loaded_at)
    END) AS lag_secs
FROM shopware_ops.load_history
WHERE superseded_at IS NULL
GROUP BY stream
ORDER BY stream;
