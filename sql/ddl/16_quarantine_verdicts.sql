-- Why records are in quarantine that a replay has judged since, and left there: a line for each reason of a record, by its
-- place. Of several verdicts the one of the highest number counts; an hour that is loaded anew has none. Never a value of a
-- record.
CREATE TABLE IF NOT EXISTS shopware_ops.quarantine_verdicts (
    stream        VARCHAR(64)   NOT NULL ENCODE zstd,
    landing_hour  TIMESTAMP     NOT NULL ENCODE az64,
    object_key    VARCHAR(4096) NOT NULL ENCODE zstd,
    etag          VARCHAR(128)  NOT NULL ENCODE zstd,
    byte_offset   BIGINT        NOT NULL ENCODE az64,
    reason        VARCHAR(256)  NOT NULL ENCODE zstd,
    rules         VARCHAR(64)   NOT NULL ENCODE zstd,
    repair        VARCHAR(128)  ENCODE zstd,
    run_id        VARCHAR(64)   ENCODE zstd,
    judged_at     TIMESTAMP     NOT NULL ENCODE az64,
    verdict_no    BIGINT        NOT NULL DEFAULT 0 ENCODE az64
)
DISTSTYLE ALL
COMPOUND SORTKEY (stream, landing_hour);
