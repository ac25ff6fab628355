-- What became of quarantined records: one line for each that was replayed or discarded, by its place. Never a value of
-- a record. A line whose hour was loaded anew stays, with superseded_at: its record is open again.
CREATE TABLE IF NOT EXISTS shopware_ops.quarantine_receipts (
    stream         VARCHAR(64)   NOT NULL ENCODE zstd,
    landing_hour   TIMESTAMP     NOT NULL ENCODE az64,
    object_key     VARCHAR(4096) NOT NULL ENCODE zstd,
    etag           VARCHAR(128)  NOT NULL ENCODE zstd,
    byte_offset    BIGINT        NOT NULL ENCODE az64,
    outcome        VARCHAR(16)   NOT NULL ENCODE zstd,
    rules          VARCHAR(64)   NOT NULL ENCODE zstd,
    repair         VARCHAR(128)  ENCODE zstd,
    load_key       VARCHAR(4096) ENCODE zstd,
    decided_by     VARCHAR(128)  ENCODE zstd,
    decided_why    VARCHAR(1024) ENCODE zstd,
    run_id         VARCHAR(64)   ENCODE zstd,
    recorded_at    TIMESTAMP     DEFAULT GETDATE() ENCODE az64,
    superseded_at  TIMESTAMP     ENCODE az64
)
DISTSTYLE ALL
COMPOUND SORTKEY (stream, landing_hour);
