-- Which is the newest landing hour of each stream, and when was it last loaded?
SELECT stream, MAX(landing_hour) AS newest_hour, MAX(loaded_at) AS last_load
FROM shopware_ops.load_history
WHERE superseded_at IS NULL AND CAST(:stream AS VARCHAR(64)) IN ('', stream)
GROUP BY stream
ORDER BY stream;
