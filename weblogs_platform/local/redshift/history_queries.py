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
}
