-- What the last look of the reconcile found: objects that landing has and the ledger has not. What was loaded since is
-- told apart by the ledger. first_at: when it was found first.
CREATE TABLE IF NOT EXISTS shopware_ops.reconcile_findings (
    stream        VARCHAR(64)   NOT NULL ENCODE zstd,
    landing_hour  TIMESTAMP     NOT NULL ENCODE az64,
    object_key    VARCHAR(4096) NOT NULL ENCODE zstd,
    etag          VARCHAR(128)  NOT NULL ENCODE zstd,
    size_bytes    BIGINT        NOT NULL ENCODE az64,
    modified_at   TIMESTAMP     NOT NULL ENCODE az64,
    kind          VARCHAR(16)   NOT NULL ENCODE zstd,
    first_at      TIMESTAMP     NOT NULL ENCODE az64
)
DISTSTYLE ALL
COMPOUND SORTKEY (stream, landing_hour);
