CREATE TABLE IF NOT EXISTS shopware_kpis.marketing_kpi_daily (
    analysis_date                  DATE             NOT NULL ENCODE raw,
    sessions                       BIGINT           NOT NULL ENCODE az64,
    unique_users                   BIGINT           NOT NULL ENCODE az64,
    avg_session_duration           DOUBLE PRECISION          ENCODE zstd,
    bounce_rate_percent            DOUBLE PRECISION          ENCODE zstd,
    customer_engagement_score      DOUBLE PRECISION          ENCODE zstd,
    loyalty_activity_rate_percent  DOUBLE PRECISION          ENCODE zstd,
    PRIMARY KEY (analysis_date)
)
DISTSTYLE ALL
SORTKEY (analysis_date);
