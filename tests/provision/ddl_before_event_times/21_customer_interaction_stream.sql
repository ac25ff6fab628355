CREATE TABLE IF NOT EXISTS shopware_stream.customer_interaction_stream (
    customer_id          INT          ENCODE az64,
    interaction_type     VARCHAR(50)  ENCODE zstd,
    channel              VARCHAR(50)  ENCODE zstd,
    rating               INT          ENCODE az64,
    message_excerpt      VARCHAR(255) ENCODE zstd,
    event_timestamp      TIMESTAMP    ENCODE az64,
    ingestion_timestamp  TIMESTAMP    DEFAULT CURRENT_TIMESTAMP ENCODE az64,
    landing_hour         TIMESTAMP    NOT NULL
)
DISTKEY (customer_id)
SORTKEY (landing_hour);
