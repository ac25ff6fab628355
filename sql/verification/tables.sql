-- Which of the platform's tables are there?
SELECT schema_name, table_name
FROM svv_all_tables
WHERE database_name = CURRENT_DATABASE()
    AND schema_name IN ('shopware_stream', 'shopware_processed', 'shopware_kpis', 'shopware_ops')
    AND table_type = 'TABLE'
ORDER BY schema_name, table_name;
