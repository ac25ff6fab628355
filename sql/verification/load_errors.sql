-- What did COPY refuse in the last seven days, in which file, and why? Values of records are left out. (STL_LOAD_ERRORS
-- would be empty on Redshift Serverless.)
SELECT
    RTRIM(file_name) AS file_name,
    RTRIM(error_message) AS reason,
    RTRIM(column_name) AS column_name,
    COUNT(*) AS rows_refused,
    MAX(start_time) AS last_at
FROM sys_load_error_detail
WHERE start_time >= DATEADD(day, -7, GETDATE())
GROUP BY 1, 2, 3
ORDER BY last_at DESC
LIMIT 100;
