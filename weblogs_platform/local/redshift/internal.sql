-- What outlives transactions: load errors, loaded files, grants. Written through connections of their own.
CREATE TABLE IF NOT EXISTS {database}.rs_internal.load_errors (
    userid INTEGER, tbl BIGINT, database_name VARCHAR, starttime TIMESTAMP, session BIGINT, transaction_id BIGINT,
    query BIGINT, filename VARCHAR, line_number BIGINT, colname VARCHAR, type VARCHAR, col_length VARCHAR,
    position INTEGER, raw_line VARCHAR, raw_field_value VARCHAR, err_code INTEGER, err_reason VARCHAR);
CREATE TABLE IF NOT EXISTS {database}.rs_internal.load_files (
    userid INTEGER, tbl BIGINT, table_name VARCHAR, database_name VARCHAR, session BIGINT, transaction_id BIGINT,
    query BIGINT, filename VARCHAR, curtime TIMESTAMP, lines_scanned BIGINT, bytes_scanned BIGINT, errors BIGINT,
    starttime TIMESTAMP);
CREATE TABLE IF NOT EXISTS {database}.rs_internal.loads (
    userid INTEGER, query BIGINT, transaction_id BIGINT, session BIGINT, database_name VARCHAR, table_name VARCHAR,
    status VARCHAR, starttime TIMESTAMP, endtime TIMESTAMP, data_source VARCHAR, file_count BIGINT,
    loaded_rows BIGINT, error_count BIGINT);
CREATE TABLE IF NOT EXISTS {database}.rs_internal.grants (
    grantee VARCHAR, privilege VARCHAR, scope VARCHAR, schema_name VARCHAR, table_id BIGINT);
CREATE SEQUENCE IF NOT EXISTS {database}.rs_internal.query_ids START 1000;
-- What UNLOAD wrote.
CREATE TABLE IF NOT EXISTS {database}.rs_internal.unload_files (
    userid INTEGER, query BIGINT, transaction_id BIGINT, session BIGINT, database_name VARCHAR, path VARCHAR,
    start_time TIMESTAMP, end_time TIMESTAMP, line_count BIGINT, transfer_size BIGINT, file_format VARCHAR);
CREATE TABLE IF NOT EXISTS {database}.rs_internal.unloads (
    userid INTEGER, query BIGINT, transaction_id BIGINT, session BIGINT, database_name VARCHAR, status VARCHAR,
    start_time TIMESTAMP, end_time TIMESTAMP, file_format VARCHAR, compression_type VARCHAR,
    unloaded_location VARCHAR, unloaded_rows BIGINT, unloaded_files_count BIGINT, unloaded_files_size BIGINT,
    error_message VARCHAR);
-- The data catalog of external tables: databases, the schemas that stand for them, tables, partitions.
CREATE TABLE IF NOT EXISTS {database}.rs_internal.external_databases (name VARCHAR PRIMARY KEY);
CREATE TABLE IF NOT EXISTS {database}.rs_internal.external_schemas (
    name VARCHAR PRIMARY KEY, id BIGINT, database_name VARCHAR, role VARCHAR, region VARCHAR, owner VARCHAR);
CREATE TABLE IF NOT EXISTS {database}.rs_internal.external_tables (
    database_name VARCHAR, name VARCHAR, id BIGINT, location VARCHAR, storage VARCHAR, columns JSON, properties JSON,
    PRIMARY KEY (database_name, name));
CREATE TABLE IF NOT EXISTS {database}.rs_internal.external_partitions (
    table_id BIGINT, partition_values VARCHAR, location VARCHAR, PRIMARY KEY (table_id, partition_values));
-- What queries read of external tables.
CREATE TABLE IF NOT EXISTS {database}.rs_internal.external_scans (
    userid INTEGER, query BIGINT, transaction_id BIGINT, session BIGINT, database_name VARCHAR, segment INTEGER,
    start_time TIMESTAMP, end_time TIMESTAMP, aborted BOOLEAN, table_name VARCHAR, location VARCHAR,
    is_partitioned BOOLEAN, total_partitions BIGINT, qualified_partitions BIGINT, files BIGINT, requests BIGINT,
    scanned_rows BIGINT, scanned_bytes BIGINT, returned_rows BIGINT, returned_bytes BIGINT);
