-- The last look of the reconcile at each stream: when, at how many objects, how many of them were not loaded, and what it
-- said.
CREATE TABLE IF NOT EXISTS shopware_ops.reconcile_looks (
    stream      VARCHAR(64)   NOT NULL ENCODE zstd,
    looked_at   TIMESTAMP     NOT NULL ENCODE az64,
    objects     BIGINT        NOT NULL ENCODE az64,
    not_loaded  BIGINT        NOT NULL ENCODE az64,
    said        VARCHAR(4096) NOT NULL ENCODE zstd
)
DISTSTYLE ALL
COMPOUND SORTKEY (stream);
