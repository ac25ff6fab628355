-- The first and last landing hour that is loaded.
SELECT MIN(landing_hour) AS first_at, MAX(landing_hour) AS last_at
FROM shopware_ops.load_history
WHERE superseded_at IS NULL;
