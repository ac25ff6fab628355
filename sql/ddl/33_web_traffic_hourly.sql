CREATE TABLE IF NOT EXISTS shopware_kpis.web_traffic_hourly (
    event_hour    TIMESTAMP    NOT NULL ENCODE raw,
    event_type    VARCHAR(255) NOT NULL ENCODE zstd,
    browser       VARCHAR(255) NOT NULL ENCODE zstd,
    device_type   VARCHAR(255) NOT NULL ENCODE zstd,
    page          VARCHAR(255) NOT NULL ENCODE zstd,
    events        BIGINT       NOT NULL ENCODE az64,
    sessions      BIGINT       NOT NULL ENCODE az64,
    unique_users  BIGINT       NOT NULL ENCODE az64,
    PRIMARY KEY (event_hour, event_type, browser, device_type, page)
)
DISTSTYLE EVEN
SORTKEY (event_hour);
