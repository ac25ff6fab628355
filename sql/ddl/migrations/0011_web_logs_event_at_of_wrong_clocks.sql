-- Such a time does not count any more, as loads have it: that of ingestion does, or the landing hour.
UPDATE shopware_stream.web_logs_stream
SET event_at = CASE
        WHEN ingestion_timestamp >= '2015-05-01' AND ingestion_timestamp < DATEADD(day, 1, SYSDATE)
            THEN ingestion_timestamp
        ELSE landing_hour
    END
WHERE event_at < '2015-05-01' OR event_at >= DATEADD(day, 1, SYSDATE);
