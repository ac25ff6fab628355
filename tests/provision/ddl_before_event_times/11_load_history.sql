-- The ledger: one line for every landing object whose records were loaded. It never expires; a line of a
-- replaced object stays, with superseded_at.
CREATE TABLE IF NOT EXISTS shopware_ops.load_history (
    stream              VARCHAR(64)   NOT NULL ENCODE zstd,
    landing_hour        TIMESTAMP     NOT NULL ENCODE az64,
    object_key          VARCHAR(4096) NOT NULL ENCODE zstd,
    etag                VARCHAR(128)  NOT NULL ENCODE zstd,
    size_bytes          BIGINT        NOT NULL ENCODE az64,
    records             BIGINT        NOT NULL ENCODE az64,
    loaded              BIGINT        NOT NULL ENCODE az64,
    quarantined         BIGINT        NOT NULL ENCODE az64,
    duplicates_dropped  BIGINT        NOT NULL ENCODE az64,
    truncated_values    BIGINT        NOT NULL ENCODE az64,
    rules               VARCHAR(64)   NOT NULL ENCODE zstd,
    load_key            VARCHAR(4096) ENCODE zstd,
    invalid_key         VARCHAR(4096) ENCODE zstd,
    manifest_key        VARCHAR(4096) ENCODE zstd,
    run_id              VARCHAR(64)   ENCODE zstd,
    loaded_at           TIMESTAMP     DEFAULT GETDATE() ENCODE az64,
    superseded_at       TIMESTAMP     ENCODE az64
)
DISTSTYLE ALL
COMPOUND SORTKEY (stream, landing_hour);
