-- The pages with the most events.
SELECT
    page,
    SUM(events) AS events,
    SUM(CASE WHEN event_type = 'View' THEN events ELSE 0 END) AS views,
    SUM(CASE WHEN event_type = 'Click' THEN events ELSE 0 END) AS clicks,
    SUM(CASE WHEN event_type = 'Scroll' THEN events ELSE 0 END) AS scrolls
FROM shopware_kpis.web_traffic_hourly
WHERE event_hour >= CAST(:first AS TIMESTAMP) AND event_hour < CAST(:until AS TIMESTAMP)
    AND (CAST(:event_type AS VARCHAR(255)) = '' OR event_type = CAST(:event_type AS VARCHAR(255)))
    AND (CAST(:browser AS VARCHAR(255)) = '' OR browser = CAST(:browser AS VARCHAR(255)))
    AND (CAST(:device AS VARCHAR(255)) = '' OR device_type = CAST(:device AS VARCHAR(255)))
GROUP BY page
ORDER BY events DESC, page
LIMIT 200;
