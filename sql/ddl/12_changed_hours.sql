-- Which event hours of a table each committed change touched: what is computed from them is stale until it has
-- seen that change. change_no counts up within source_table, under the lock that serialises its changes.
CREATE TABLE IF NOT EXISTS shopware_ops.changed_hours (
    source_table  VARCHAR(130) NOT NULL ENCODE zstd,
    event_hour    TIMESTAMP    NOT NULL ENCODE az64,
    change_no     BIGINT       NOT NULL ENCODE az64,
    changed_rows  BIGINT       NOT NULL ENCODE az64,
    run_id        VARCHAR(64)  ENCODE zstd,
    changed_at    TIMESTAMP    DEFAULT GETDATE() ENCODE az64
)
DISTSTYLE ALL
COMPOUND SORTKEY (source_table, event_hour);
