CREATE TABLE IF NOT EXISTS shopware_stream.web_logs_stream (
    event_type           VARCHAR(255) ENCODE zstd,
    browser              VARCHAR(255) ENCODE zstd,
    device_type          VARCHAR(255) ENCODE zstd,
    page                 VARCHAR(255) ENCODE zstd,
    user_id              VARCHAR(255) ENCODE zstd,
    session_id           VARCHAR(255) ENCODE zstd,
    ingestion_timestamp  TIMESTAMP    ENCODE az64,
    event_timestamp      FLOAT        ENCODE zstd,
    landing_hour         TIMESTAMP    NOT NULL
)
DISTKEY (session_id)
SORTKEY (landing_hour);
