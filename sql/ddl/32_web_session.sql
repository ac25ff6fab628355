CREATE TABLE IF NOT EXISTS shopware_kpis.web_session (
    session_id             VARCHAR(255)     NOT NULL ENCODE zstd,
    user_id                VARCHAR(255)              ENCODE zstd,
    session_start          TIMESTAMP        NOT NULL ENCODE raw,
    session_end            TIMESTAMP        NOT NULL ENCODE az64,
    session_duration_secs  DOUBLE PRECISION NOT NULL ENCODE zstd,
    total_events           BIGINT           NOT NULL ENCODE az64,
    unique_pages           BIGINT           NOT NULL ENCODE az64,
    engagement_score       BIGINT           NOT NULL ENCODE az64,
    is_bounce              BOOLEAN          NOT NULL ENCODE zstd,
    browser                VARCHAR(255)     NOT NULL ENCODE zstd,
    device_type            VARCHAR(255)     NOT NULL ENCODE zstd,
    entry_page             VARCHAR(255)     NOT NULL ENCODE zstd,
    PRIMARY KEY (session_id)
)
DISTKEY (session_id)
SORTKEY (session_start);
