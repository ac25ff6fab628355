-- The event time of rows from before there was one, by the rule that loads follow.
UPDATE shopware_stream.web_logs_stream
SET event_at = COALESCE(
    CASE
        WHEN event_timestamp > 0 AND event_timestamp < 253402300800
        THEN TIMESTAMP 'epoch' + event_timestamp * INTERVAL '1 second'
    END,
    ingestion_timestamp,
    landing_hour
)
WHERE event_at = '1970-01-01';
