-- What is in quarantine now, whenever it landed: per stream and reason how many records are open, since when the oldest,
-- and how many of them are younger than :day, and than :week. A record with two reasons counts under both.
SELECT
    stands.stream,
    stands.reason,
    SUM(stands.records) AS records,
    MIN(seen.first_seen) AS oldest,
    SUM(CASE WHEN seen.first_seen >= CAST(:day AS TIMESTAMP) THEN stands.records ELSE 0 END) AS of_a_day,
    SUM(CASE
        WHEN seen.first_seen >= CAST(:week AS TIMESTAMP) AND seen.first_seen < CAST(:day AS TIMESTAMP)
            THEN stands.records ELSE 0
    END) AS of_a_week,
    SUM(CASE WHEN seen.first_seen < CAST(:week AS TIMESTAMP) THEN stands.records ELSE 0 END) AS older
FROM (
    SELECT stream, object_key, etag, reason, SUM(records) AS records
    FROM shopware_ops.quarantine_reasons
    WHERE CAST(:stream AS VARCHAR(64)) = '' OR stream = CAST(:stream AS VARCHAR(64))
    GROUP BY stream, object_key, etag, reason
    HAVING SUM(records) > 0
) AS stands
INNER JOIN (
    SELECT stream, object_key, etag, MIN(loaded_at) AS first_seen
    FROM shopware_ops.load_history
    WHERE quarantined > 0
    GROUP BY stream, object_key, etag
) AS seen
    ON seen.stream = stands.stream AND seen.object_key = stands.object_key AND seen.etag = stands.etag
GROUP BY stands.stream, stands.reason
ORDER BY records DESC, stands.stream, stands.reason
LIMIT 500;
