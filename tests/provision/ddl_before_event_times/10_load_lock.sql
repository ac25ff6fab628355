-- Loads take an exclusive lock on this empty table, so that readers of the other tables never wait for them.
CREATE TABLE IF NOT EXISTS shopware_ops.load_lock (
    locked_by VARCHAR(64)
)
DISTSTYLE ALL;
