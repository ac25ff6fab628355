-- Such a time does not count any more, as loads have it: the landing hour does.
UPDATE shopware_processed.pos_records
SET event_at = landing_hour
WHERE event_at < '2015-05-01' OR event_at >= DATEADD(day, 1, SYSDATE);
