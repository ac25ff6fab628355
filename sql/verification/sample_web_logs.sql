-- What do the newest web-log rows look like? (The landing hour bounds what is read; people are left out.)
SELECT landing_hour, event_at, event_type, browser, device_type, page, ingestion_timestamp
FROM shopware_stream.web_logs_stream
WHERE landing_hour = (SELECT MAX(landing_hour) FROM shopware_stream.web_logs_stream)
ORDER BY event_at DESC
LIMIT 5;
