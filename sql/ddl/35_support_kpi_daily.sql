CREATE TABLE IF NOT EXISTS shopware_kpis.support_kpi_daily (
    analysis_date                DATE             NOT NULL ENCODE raw,
    feedback_score               DOUBLE PRECISION          ENCODE zstd,
    total_interactions           BIGINT           NOT NULL ENCODE az64,
    unique_customers             BIGINT           NOT NULL ENCODE az64,
    low_rating_pct               DOUBLE PRECISION          ENCODE zstd,
    avg_time_to_resolution_secs  DOUBLE PRECISION          ENCODE zstd,
    avg_rating                   DOUBLE PRECISION          ENCODE zstd,
    rated_interactions           BIGINT           NOT NULL ENCODE az64,
    low_ratings                  BIGINT           NOT NULL ENCODE az64,
    feedback_count               BIGINT           NOT NULL ENCODE az64,
    loyalty_count                BIGINT           NOT NULL ENCODE az64,
    complaint_count              BIGINT           NOT NULL ENCODE az64,
    email_count                  BIGINT           NOT NULL ENCODE az64,
    app_count                    BIGINT           NOT NULL ENCODE az64,
    phone_count                  BIGINT           NOT NULL ENCODE az64,
    unknown_channel_count        BIGINT           NOT NULL ENCODE az64,
    PRIMARY KEY (analysis_date)
)
DISTSTYLE ALL
SORTKEY (analysis_date);
