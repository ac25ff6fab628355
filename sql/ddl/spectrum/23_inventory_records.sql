CREATE EXTERNAL TABLE shopware_lake.inventory_records (
    inventory_id       VARCHAR(64),
    product_id         INT,
    warehouse_id       INT,
    stock_level        INT,
    restock_threshold  INT,
    last_updated       TIMESTAMP,
    delivered_at       TIMESTAMP,
    record_number      BIGINT,
    landing_hour       TIMESTAMP,
    event_at           TIMESTAMP
)
PARTITIONED BY (landing_date DATE, landing_hour_of_day VARCHAR(2))
ROW FORMAT SERDE 'org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe'
STORED AS INPUTFORMAT 'org.apache.hadoop.hive.ql.io.SymlinkTextInputFormat'
OUTPUTFORMAT 'org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat'
LOCATION '${lakehouse}/inventory/_symlink_format_manifest';
