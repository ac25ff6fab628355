-- Which files of sql/ddl/migrations this warehouse has been through, and what they said. Whoever migrates locks it.
CREATE TABLE IF NOT EXISTS shopware_ops.schema_migrations (
    number      INT          NOT NULL ENCODE az64,
    name        VARCHAR(128) NOT NULL ENCODE zstd,
    checksum    VARCHAR(64)  NOT NULL ENCODE zstd,
    applied_at  TIMESTAMP    DEFAULT GETDATE() ENCODE az64
)
DISTSTYLE ALL;
