CREATE EXTERNAL TABLE shopware_lake.web_logs_stream (
    event_type           VARCHAR(255),
    browser              VARCHAR(255),
    device_type          VARCHAR(255),
    page                 VARCHAR(255),
    user_id              VARCHAR(255),
    session_id           VARCHAR(255),
    ingestion_timestamp  TIMESTAMP,
    event_timestamp      DOUBLE PRECISION,
    landing_hour         TIMESTAMP,
    event_at             TIMESTAMP
)
PARTITIONED BY (landing_date DATE, landing_hour_of_day VARCHAR(2))
ROW FORMAT SERDE 'org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe'
STORED AS INPUTFORMAT 'org.apache.hadoop.hive.ql.io.SymlinkTextInputFormat'
OUTPUTFORMAT 'org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat'
LOCATION '${lakehouse}/web_logs/_symlink_format_manifest';
