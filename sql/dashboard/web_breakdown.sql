-- Events by what was done, and with which browser and device: the bars, and what the filters offer.
SELECT event_type, browser, device_type, SUM(events) AS events
FROM shopware_kpis.web_traffic_hourly
WHERE event_hour >= CAST(:first AS TIMESTAMP) AND event_hour < CAST(:until AS TIMESTAMP)
    AND (CAST(:page AS VARCHAR(255)) = '' OR page = CAST(:page AS VARCHAR(255)))
GROUP BY event_type, browser, device_type
ORDER BY events DESC, event_type, browser, device_type
LIMIT 100000;
