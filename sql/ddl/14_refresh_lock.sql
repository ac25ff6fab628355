-- Refreshes of derived tables take an exclusive lock on this empty table: two of one period must not both insert.
CREATE TABLE IF NOT EXISTS shopware_ops.refresh_lock (
    locked_by VARCHAR(64)
)
DISTSTYLE ALL;
