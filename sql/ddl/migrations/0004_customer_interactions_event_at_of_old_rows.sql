-- The event time of rows from before there was one, by the rule that loads follow.
UPDATE shopware_stream.customer_interaction_stream
SET event_at = COALESCE(
    CASE WHEN event_timestamp > '1970-01-01' THEN event_timestamp END,
    ingestion_timestamp,
    landing_hour
)
WHERE event_at = '1970-01-01';
