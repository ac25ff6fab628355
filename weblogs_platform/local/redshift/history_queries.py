"""The SELECTs behind the system tables that tell what COPY, UNLOAD and queries of external tables did."""

from __future__ import annotations

# The first column of each is the user's number: users without rights see their own rows only.
HISTORY_QUERIES = {
    "stl_load_errors": """
        SELECT userid, 0 AS slice, tbl, starttime, session, query, filename, line_number, colname, type, col_length,
               position, raw_line, raw_field_value, err_code, err_reason
        FROM {schema}.load_errors""",
    "sys_load_error_detail": """
        SELECT userid AS user_id, query AS query_id, transaction_id, session AS session_id, database_name,
               tbl AS table_id, starttime AS start_time, filename AS file_name, line_number, colname AS column_name,
               type AS column_type, col_length AS column_length, position, err_code AS error_code,
               err_reason AS error_message
        FROM {schema}.load_errors""",
    "stl_load_commits": """
        SELECT userid, query, 0 AS slice, table_name AS name, filename, 0 AS byte_offset, lines_scanned, errors,
               curtime, 1 AS status, 's3' AS file_format
        FROM {schema}.load_files""",
    "sys_load_detail": """
        SELECT f.userid AS user_id, f.query AS query_id, f.filename AS file_name, f.bytes_scanned, f.lines_scanned,
               f.curtime AS record_time, 1 AS splits_scanned, l.starttime AS start_time, f.curtime AS end_time
        FROM {schema}.load_files f LEFT JOIN {schema}.loads l USING (query)""",
    "sys_load_history": """
        SELECT userid AS user_id, query AS query_id, transaction_id, session AS session_id, database_name, status,
               table_name, starttime AS start_time, endtime AS end_time,
               date_diff('microsecond', starttime, endtime) AS duration, data_source, 'JSON' AS file_format,
               loaded_rows,
               (SELECT CAST(sum(bytes_scanned) AS BIGINT) FROM {schema}.load_files f WHERE f.query = l.query)
                   AS source_file_bytes,
               file_count AS source_file_count, error_count
        FROM {schema}.loads l""",
    "stl_unload_log": """
        SELECT userid, query, 0 AS slice, session AS pid, path, start_time, end_time, line_count, transfer_size,
               file_format
        FROM {schema}.unload_files""",
    "sys_unload_detail": """
        SELECT userid AS user_id, query AS query_id, session AS session_id, transaction_id, path AS file_name,
               start_time, end_time, line_count, transfer_size, file_format
        FROM {schema}.unload_files""",
    "sys_unload_history": """
        SELECT userid AS user_id, query AS query_id, transaction_id, session AS session_id, database_name, status,
               start_time, end_time, date_diff('microsecond', start_time, end_time) AS duration, file_format,
               compression_type, unloaded_location, unloaded_rows, unloaded_files_count, unloaded_files_size,
               error_message
        FROM {schema}.unloads""",
    "svl_s3query_summary": """
        SELECT userid, query, transaction_id AS xid, session AS pid, segment, 0 AS step, start_time AS starttime,
               end_time AS endtime, date_diff('microsecond', start_time, end_time) AS elapsed,
               CAST(aborted AS INTEGER) AS aborted, 'S3 Scan ' || table_name AS external_table_name,
               'Parquet' AS file_format, CASE WHEN is_partitioned THEN 't' ELSE 'f' END AS is_partitioned,
               'f' AS is_rrscan, 'f' AS is_nested, scanned_rows AS s3_scanned_rows,
               scanned_bytes AS s3_scanned_bytes, returned_rows AS s3query_returned_rows,
               returned_bytes AS s3query_returned_bytes, files
        FROM {schema}.external_scans""",
    "svl_s3partition_summary": """
        SELECT userid, query, transaction_id AS xid, session AS pid, segment, 't' AS assignment,
               start_time AS min_starttime, end_time AS max_endtime,
               date_diff('microsecond', start_time, end_time) AS max_duration,
               date_diff('microsecond', start_time, end_time) AS avg_duration, total_partitions,
               qualified_partitions
        FROM {schema}.external_scans WHERE is_partitioned""",
    "sys_external_query_detail": """
        SELECT userid AS user_id, query AS query_id, transaction_id, 0 AS child_query_sequence,
               segment AS segment_id, 'S3' AS source_type, start_time, end_time,
               date_diff('microsecond', start_time, end_time) AS duration, total_partitions, qualified_partitions,
               files AS scanned_files, scanned_rows AS returned_rows, scanned_bytes AS returned_bytes,
               'Parquet' AS file_format, location AS file_location, table_name
        FROM {schema}.external_scans""",
}
