-- Which columns do the platform's tables have, in their order?
SELECT
    schema_name,
    table_name,
    column_name,
    data_type,
    character_maximum_length,
    numeric_precision,
    numeric_scale,
    is_nullable
FROM svv_all_columns
WHERE database_name = CURRENT_DATABASE()
    AND schema_name IN ('shopware_stream', 'shopware_ops', 'shopware_processed', 'shopware_kpis')
ORDER BY schema_name, table_name, ordinal_position;
