CREATE EXTERNAL TABLE shopware_lake.pos_records (
    transaction_id         VARCHAR(64),
    store_id               INT,
    product_id             INT,
    quantity               INT,
    revenue                DECIMAL(12,2),
    discount_applied       DECIMAL(12,2),
    transaction_timestamp  TIMESTAMP,
    delivered_at           TIMESTAMP,
    record_number          BIGINT,
    landing_hour           TIMESTAMP,
    event_at               TIMESTAMP
)
PARTITIONED BY (landing_date DATE, landing_hour_of_day VARCHAR(2))
ROW FORMAT SERDE 'org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe'
STORED AS INPUTFORMAT 'org.apache.hadoop.hive.ql.io.SymlinkTextInputFormat'
OUTPUTFORMAT 'org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat'
LOCATION '${lakehouse}/pos/_symlink_format_manifest';
