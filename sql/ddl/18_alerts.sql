-- What people were told of: one line for each thing that went wrong (a run's step or a check, of one partition), so that
-- the same trouble is told once. well_at: when it was found well again; waiting: channels that have not taken it yet.
CREATE TABLE IF NOT EXISTS shopware_ops.alerts (
    kind          VARCHAR(128)  NOT NULL ENCODE zstd,
    about         VARCHAR(512)  NOT NULL ENCODE zstd,
    partition_key VARCHAR(256)  NOT NULL ENCODE zstd,
    summary       VARCHAR(2048) NOT NULL ENCODE zstd,
    run_id        VARCHAR(64)   NOT NULL ENCODE zstd,
    times         BIGINT        NOT NULL ENCODE az64,
    first_at      TIMESTAMP     NOT NULL ENCODE az64,
    last_at       TIMESTAMP     NOT NULL ENCODE az64,
    announced_at  TIMESTAMP     ENCODE az64,
    waiting       VARCHAR(256)  NOT NULL ENCODE zstd,
    well_at       TIMESTAMP     ENCODE az64
)
DISTSTYLE ALL
COMPOUND SORTKEY (last_at);
