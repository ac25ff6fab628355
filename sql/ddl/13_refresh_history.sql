-- Up to which change of each source a period of a derived table was computed. The highest change_no counts.
CREATE TABLE IF NOT EXISTS shopware_ops.refresh_history (
    table_name    VARCHAR(130) NOT NULL ENCODE zstd,
    period_start  TIMESTAMP    NOT NULL ENCODE az64,
    source_table  VARCHAR(130) NOT NULL ENCODE zstd,
    change_no     BIGINT       NOT NULL ENCODE az64,
    row_count     BIGINT       NOT NULL ENCODE az64,
    run_id        VARCHAR(64)  ENCODE zstd,
    refreshed_at  TIMESTAMP    DEFAULT GETDATE() ENCODE az64
)
DISTSTYLE ALL
COMPOUND SORTKEY (table_name, period_start);
