-- Versions of loaded objects that were seen and not loaded, because the stream's policy on_rewritten keeps the loaded
-- ones: the newest of each object.
CREATE TABLE IF NOT EXISTS shopware_ops.rewritten_objects (
    stream        VARCHAR(64)   NOT NULL ENCODE zstd,
    landing_hour  TIMESTAMP     NOT NULL ENCODE az64,
    object_key    VARCHAR(4096) NOT NULL ENCODE zstd,
    etag          VARCHAR(128)  NOT NULL ENCODE zstd,
    run_id        VARCHAR(64)   ENCODE zstd,
    noted_at      TIMESTAMP     DEFAULT GETDATE() ENCODE az64
)
DISTSTYLE ALL
COMPOUND SORTKEY (stream, landing_hour);
