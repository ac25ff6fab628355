-- Why records of each loaded object are in quarantine: how many for each reason. A record with two reasons counts
-- under both. Written with the ledger's line, and replaced with it. What is replayed or discarded is taken off by a line
-- with a negative count, written with its receipt: the sum is what is open.
CREATE TABLE IF NOT EXISTS shopware_ops.quarantine_reasons (
    stream        VARCHAR(64)   NOT NULL ENCODE zstd,
    landing_hour  TIMESTAMP     NOT NULL ENCODE az64,
    object_key    VARCHAR(4096) NOT NULL ENCODE zstd,
    etag          VARCHAR(128)  NOT NULL ENCODE zstd,
    reason        VARCHAR(256)  NOT NULL ENCODE zstd,
    records       BIGINT        NOT NULL ENCODE az64
)
DISTSTYLE ALL
COMPOUND SORTKEY (stream, landing_hour);
