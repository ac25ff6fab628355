CREATE EXTERNAL TABLE shopware_lake.customer_interaction_stream (
    customer_id          INT,
    interaction_type     VARCHAR(50),
    channel              VARCHAR(50),
    rating               INT,
    message_excerpt      VARCHAR(255),
    event_timestamp      TIMESTAMP,
    ingestion_timestamp  TIMESTAMP,
    landing_hour         TIMESTAMP,
    event_at             TIMESTAMP
)
PARTITIONED BY (landing_date DATE, landing_hour_of_day VARCHAR(2))
ROW FORMAT SERDE 'org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe'
STORED AS INPUTFORMAT 'org.apache.hadoop.hive.ql.io.SymlinkTextInputFormat'
OUTPUTFORMAT 'org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat'
LOCATION '${lakehouse}/customer_interactions/_symlink_format_manifest';
