-- Verdicts from before there were numbers, in the order of their times: those that counted, of objects that were not loaded
-- anew since.
UPDATE shopware_ops.quarantine_verdicts
SET verdict_no = numbered.number
FROM (
    SELECT DISTINCT v.stream, v.landing_hour, v.object_key, v.etag, v.judged_at,
           DENSE_RANK() OVER (PARTITION BY v.stream, v.landing_hour ORDER BY v.judged_at) AS number
    FROM shopware_ops.quarantine_verdicts AS v
    INNER JOIN shopware_ops.load_history AS l
        ON l.stream = v.stream
        AND l.landing_hour = v.landing_hour
        AND l.object_key = v.object_key
        AND l.etag = v.etag
        AND l.superseded_at IS NULL
        AND l.loaded_at <= v.judged_at
    WHERE v.verdict_no = 0
) AS numbered
WHERE quarantine_verdicts.stream = numbered.stream
  AND quarantine_verdicts.landing_hour = numbered.landing_hour
  AND quarantine_verdicts.object_key = numbered.object_key
  AND quarantine_verdicts.etag = numbered.etag
  AND quarantine_verdicts.judged_at = numbered.judged_at;
