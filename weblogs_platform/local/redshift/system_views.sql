-- Redshift's catalog views over DuckDB's, created at start in memory.main under rs_<name>. What DuckDB does not keep
-- (declared lengths, keys, encodings, remarks) comes from the JSON in each table's comment, see `catalog`.
CREATE OR REPLACE MACRO rs_column(comment, column_name, attribute) AS
    json_extract_string(comment, '/columns/' || replace(replace(column_name, '~', '~0'), '/', '~1') || '/' || attribute);
CREATE OR REPLACE MACRO rs_type_name(data_type) AS
    CASE WHEN data_type LIKE 'DECIMAL%' THEN 'numeric'
    ELSE CASE data_type
        WHEN 'BOOLEAN' THEN 'boolean' WHEN 'SMALLINT' THEN 'smallint' WHEN 'INTEGER' THEN 'integer'
        WHEN 'BIGINT' THEN 'bigint' WHEN 'HUGEINT' THEN 'bigint' WHEN 'FLOAT' THEN 'real' WHEN 'DOUBLE' THEN 'double precision'
        WHEN 'VARCHAR' THEN 'character varying' WHEN 'DATE' THEN 'date' WHEN 'TIME' THEN 'time without time zone'
        WHEN 'TIMESTAMP' THEN 'timestamp without time zone'
        WHEN 'TIMESTAMP WITH TIME ZONE' THEN 'timestamp with time zone'
        WHEN 'JSON' THEN 'super' WHEN 'BLOB' THEN 'binary varying' ELSE lower(data_type) END END;
CREATE OR REPLACE VIEW rs_all_relations AS
    SELECT CASE WHEN temporary THEN rs_database() ELSE database_name END AS database_name,
           CASE WHEN temporary THEN 'pg_temp_1' ELSE schema_name END AS schema_name,
           table_name, CASE WHEN temporary THEN 'LOCAL TEMPORARY' ELSE 'TABLE' END AS table_type,
           comment, estimated_size, database_name AS stored_in, schema_name AS stored_schema
    FROM duckdb_tables()
    WHERE (database_name = rs_database() AND schema_name NOT IN ('rs_internal', 'main')) OR temporary
    UNION ALL
    SELECT database_name, schema_name, view_name, 'VIEW', comment, NULL, database_name, schema_name
    FROM duckdb_views()
    WHERE database_name = rs_database() AND NOT internal AND schema_name <> 'rs_internal';
CREATE OR REPLACE VIEW rs_all_column_details AS
    SELECT r.database_name, r.schema_name, r.table_name, r.table_type, c.column_name,
           CAST(c.column_index AS INTEGER) AS ordinal_position,
           coalesce(rs_column(r.comment, c.column_name, 'd'), c.column_default) AS column_default,
           CASE WHEN c.is_nullable THEN 'YES' ELSE 'NO' END AS is_nullable,
           coalesce(rs_column(r.comment, c.column_name, 't'), rs_type_name(c.data_type)) AS data_type,
           CASE WHEN c.data_type = 'VARCHAR'
                THEN CAST(coalesce(rs_column(r.comment, c.column_name, 'n'), '65535') AS INTEGER) END AS character_maximum_length,
           CASE WHEN c.data_type LIKE 'DECIMAL%' THEN CAST(c.numeric_precision AS INTEGER)
                ELSE CASE c.data_type WHEN 'SMALLINT' THEN 16 WHEN 'INTEGER' THEN 32 WHEN 'BIGINT' THEN 64
                     WHEN 'FLOAT' THEN 24 WHEN 'DOUBLE' THEN 53 END END AS numeric_precision,
           CASE WHEN c.data_type LIKE 'DECIMAL%' THEN CAST(c.numeric_scale AS INTEGER)
                WHEN c.data_type IN ('SMALLINT', 'INTEGER', 'BIGINT') THEN 0 END AS numeric_scale,
           rs_column(r.comment, c.column_name, 'c') AS remarks,
           rs_column(r.comment, c.column_name, 'e') AS encoding, r.comment
    FROM rs_all_relations r
    JOIN duckdb_columns() c
      ON c.database_name = r.stored_in AND c.schema_name = r.stored_schema AND c.table_name = r.table_name;
CREATE OR REPLACE VIEW rs_external_tables AS
    SELECT s.name AS schemaname, t.name AS tablename
    FROM {database}.rs_internal.external_tables t JOIN {database}.rs_internal.external_schemas s USING (database_name);
CREATE OR REPLACE VIEW rs_svv_all_schemas AS
    SELECT database_name, schema_name, 100 AS schema_owner,
           CASE WHEN schema_name IN (SELECT name FROM {database}.rs_internal.external_schemas)
                THEN 'external' ELSE 'local' END AS schema_type, CAST(NULL AS VARCHAR) AS schema_acl,
           CAST(NULL AS VARCHAR) AS source_database, CAST(NULL AS VARCHAR) AS schema_option
    FROM duckdb_schemas() WHERE database_name = rs_database() AND schema_name NOT IN ('rs_internal', 'main');
CREATE OR REPLACE VIEW rs_pg_namespace AS
    SELECT CAST(oid AS BIGINT) AS oid, schema_name AS nspname, 100 AS nspowner, CAST(NULL AS VARCHAR) AS nspacl
    FROM duckdb_schemas() WHERE database_name = rs_database() AND schema_name NOT IN ('rs_internal', 'main');
CREATE OR REPLACE VIEW rs_svv_all_tables AS
    SELECT database_name, schema_name, table_name, CAST(NULL AS VARCHAR) AS table_acl, table_type,
           comment ->> '$.comment' AS remarks
    FROM rs_all_relations
    UNION ALL
    SELECT rs_database(), schemaname, tablename, NULL, 'EXTERNAL TABLE', NULL FROM rs_external_tables;
CREATE OR REPLACE VIEW rs_svv_tables AS
    SELECT database_name AS table_catalog, schema_name AS table_schema, table_name,
           CASE table_type WHEN 'TABLE' THEN 'BASE TABLE' ELSE table_type END AS table_type, remarks
    FROM rs_svv_all_tables;
CREATE OR REPLACE VIEW rs_svv_all_columns AS
    SELECT database_name, schema_name, table_name, column_name, ordinal_position, column_default, is_nullable, data_type,
           character_maximum_length, numeric_precision, numeric_scale, remarks
    FROM rs_all_column_details;
CREATE OR REPLACE VIEW rs_svv_columns AS
    SELECT database_name AS table_catalog, schema_name AS table_schema, table_name, column_name, ordinal_position,
           column_default, is_nullable, data_type, character_maximum_length, numeric_precision,
           CASE WHEN numeric_precision IS NOT NULL THEN CASE WHEN data_type = 'numeric' THEN 10 ELSE 2 END END
               AS numeric_precision_radix,
           numeric_scale, CASE WHEN data_type LIKE 'timestamp%' THEN 6 END AS datetime_precision, remarks
    FROM rs_all_column_details;
CREATE OR REPLACE VIEW rs_svv_table_info AS
    SELECT database_name AS database, schema_name AS schema, CAST(comment ->> '$.id' AS BIGINT) AS table_id,
           table_name AS "table", 'N' AS encoded,
           CASE WHEN comment ->> '$.distkey' IS NOT NULL THEN 'KEY(' || (comment ->> '$.distkey') || ')'
                ELSE coalesce(comment ->> '$.style', 'AUTO') END AS diststyle,
           comment ->> '$.sort[0]' AS sortkey1, json_array_length(comment, '$.sort') AS sortkey_num,
           CAST(NULL AS BIGINT) AS size, CAST(estimated_size AS BIGINT) AS tbl_rows
    FROM rs_all_relations WHERE table_type = 'TABLE' AND comment IS NOT NULL;
CREATE OR REPLACE VIEW rs_pg_table_def AS
    SELECT schema_name AS schemaname, table_name AS tablename, column_name AS "column",
           CASE WHEN character_maximum_length IS NOT NULL THEN data_type || '(' || character_maximum_length || ')'
                WHEN data_type = 'numeric' THEN 'numeric(' || numeric_precision || ',' || numeric_scale || ')'
                ELSE data_type END AS type,
           coalesce(encoding, 'none') AS encoding, coalesce(comment ->> '$.distkey' = column_name, false) AS distkey,
           CAST(coalesce(list_position(json_extract_string(comment, '$.sort[*]'), column_name), 0) AS INTEGER) AS sortkey,
           is_nullable = 'NO' AS "notnull"
    FROM rs_all_column_details WHERE table_type <> 'VIEW';
CREATE OR REPLACE VIEW rs_pg_tables AS
    SELECT schema_name AS schemaname, table_name AS tablename, comment ->> '$.owner' AS tableowner
    FROM rs_all_relations WHERE table_type <> 'VIEW';
CREATE OR REPLACE VIEW rs_pg_views AS
    SELECT schema_name AS schemaname, table_name AS viewname, comment ->> '$.owner' AS viewowner
    FROM rs_all_relations WHERE table_type = 'VIEW';
CREATE OR REPLACE VIEW rs_pg_database AS SELECT 100000 AS oid, rs_database() AS datname;
CREATE OR REPLACE VIEW rs_information_schema_schemata AS
    SELECT database_name AS catalog_name, schema_name, CAST(NULL AS VARCHAR) AS schema_owner FROM rs_svv_all_schemas;
CREATE OR REPLACE VIEW rs_information_schema_tables AS
    SELECT table_catalog, table_schema, table_name, table_type FROM rs_svv_tables;
CREATE OR REPLACE VIEW rs_information_schema_columns AS SELECT * FROM rs_svv_columns;
-- The data catalog: rs_internal.external_* as Redshift shows it.
CREATE OR REPLACE VIEW rs_svv_external_schemas AS
    SELECT id AS esoid, CAST(1 AS SMALLINT) AS eskind, name AS schemaname, 100 AS esowner, database_name AS databasename,
           '{"IAM_ROLE":"' || role || '"}' AS esoptions
    FROM {database}.rs_internal.external_schemas;
CREATE OR REPLACE VIEW rs_svv_external_databases AS
    SELECT 1 AS eskind, CAST(NULL AS VARCHAR) AS esoptions, name AS databasename, CAST(NULL AS VARCHAR) AS location,
           CAST(NULL AS VARCHAR) AS parameters
    FROM {database}.rs_internal.external_databases;
CREATE OR REPLACE VIEW rs_external_formats AS
    SELECT * FROM (VALUES
        ('parquet', 'org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat',
         'org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat'),
        ('symlink', 'org.apache.hadoop.hive.ql.io.SymlinkTextInputFormat',
         'org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat')) AS f(storage, input_format, output_format);
CREATE OR REPLACE VIEW rs_svv_external_tables AS
    SELECT rs_database() AS redshift_database_name, s.name AS schemaname, t.name AS tablename, 'TABLE' AS tabletype,
           t.location, f.input_format, f.output_format,
           'org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe' AS serialization_lib,
           '{"serialization.format":"1"}' AS serde_parameters, 0 AS compressed, CAST(t.properties AS VARCHAR) AS parameters
    FROM {database}.rs_internal.external_tables t
    JOIN {database}.rs_internal.external_schemas s USING (database_name)
    JOIN rs_external_formats f USING (storage);
CREATE OR REPLACE VIEW rs_external_columns AS
    SELECT s.name AS schemaname, t.name AS tablename, c.note, CAST(c.columnnum AS INTEGER) AS columnnum
    FROM {database}.rs_internal.external_tables t
    JOIN {database}.rs_internal.external_schemas s USING (database_name),
    LATERAL (SELECT unnest(json_extract(t.columns, '$[*]')) AS note,
                    unnest(range(1, CAST(json_array_length(t.columns) AS BIGINT) + 1)) AS columnnum) c;
CREATE OR REPLACE VIEW rs_svv_external_columns AS
    SELECT rs_database() AS redshift_database_name, schemaname, tablename, note ->> '$.c' AS columnname,
           CASE note ->> '$.t' WHEN 'character varying' THEN 'varchar(' || (note ->> '$.n') || ')'
                WHEN 'character' THEN 'char(' || (note ->> '$.n') || ')'
                WHEN 'numeric' THEN 'decimal(' || (note ->> '$.p') || ',' || (note ->> '$.s') || ')'
                WHEN 'integer' THEN 'int' WHEN 'double precision' THEN 'double' WHEN 'real' THEN 'float'
                WHEN 'timestamp without time zone' THEN 'timestamp' ELSE note ->> '$.t' END AS external_type,
           columnnum, CAST(coalesce(note ->> '$.k', '0') AS INTEGER) AS part_key, '' AS is_nullable
    FROM rs_external_columns;
CREATE OR REPLACE VIEW rs_svv_external_partitions AS
    SELECT s.name AS schemaname, t.name AS tablename, p.partition_values AS "values", p.location, f.input_format,
           f.output_format, 'org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe' AS serialization_lib,
           '{"serialization.format":"1"}' AS serde_parameters, 0 AS compressed, '' AS parameters
    FROM {database}.rs_internal.external_partitions p
    JOIN {database}.rs_internal.external_tables t ON t.id = p.table_id
    JOIN {database}.rs_internal.external_schemas s USING (database_name)
    JOIN rs_external_formats f USING (storage);
