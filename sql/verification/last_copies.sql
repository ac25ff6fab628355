-- Which COPYs ran last, and how did they end? Redshift's own answer, also about those that were rolled back; it keeps
-- a week.
SELECT start_time, table_name, status, loaded_rows, source_file_count, duration, data_source
FROM sys_load_history
ORDER BY start_time DESC
LIMIT 20;
