CREATE TABLE IF NOT EXISTS shopware_kpis.interactions_hourly (
    event_hour        TIMESTAMP   NOT NULL ENCODE raw,
    interaction_type  VARCHAR(50) NOT NULL ENCODE zstd,
    channel           VARCHAR(50) NOT NULL ENCODE zstd,
    interactions      BIGINT      NOT NULL ENCODE az64,
    rating_1          BIGINT      NOT NULL ENCODE az64,
    rating_2          BIGINT      NOT NULL ENCODE az64,
    rating_3          BIGINT      NOT NULL ENCODE az64,
    rating_4          BIGINT      NOT NULL ENCODE az64,
    rating_5          BIGINT      NOT NULL ENCODE az64,
    unrated           BIGINT      NOT NULL ENCODE az64,
    PRIMARY KEY (event_hour, interaction_type, channel)
)
DISTSTYLE ALL
SORTKEY (event_hour);
