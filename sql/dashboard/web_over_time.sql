-- Events over time: by hour, or by day when :hourly is 0.
SELECT
    CASE WHEN CAST(:hourly AS INTEGER) = 1 THEN event_hour ELSE DATE_TRUNC('day', event_hour) END AS period,
    event_type,
    browser,
    SUM(events) AS events
FROM shopware_kpis.web_traffic_hourly
WHERE event_hour >= CAST(:first AS TIMESTAMP) AND event_hour < CAST(:until AS TIMESTAMP)
    AND (CAST(:event_type AS VARCHAR(255)) = '' OR event_type = CAST(:event_type AS VARCHAR(255)))
    AND (CAST(:browser AS VARCHAR(255)) = '' OR browser = CAST(:browser AS VARCHAR(255)))
    AND (CAST(:device AS VARCHAR(255)) = '' OR device_type = CAST(:device AS VARCHAR(255)))
    AND (CAST(:page AS VARCHAR(255)) = '' OR page = CAST(:page AS VARCHAR(255)))
GROUP BY 1, event_type, browser
ORDER BY 1, event_type, browser
LIMIT 100000;
