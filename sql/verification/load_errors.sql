-- What did COPY refuse in the last seven days, in which file, and why? Values of records are left out.
SELECT
    RTRIM(filename) AS file_name,
    RTRIM(err_reason) AS reason,
    RTRIM(colname) AS column_name,
    COUNT(*) AS rows_refused,
    MAX(starttime) AS last_at
FROM stl_load_errors
WHERE starttime >= DATEADD(day, -7, GETDATE())
GROUP BY 1, 2, 3
ORDER BY last_at DESC
LIMIT 100;
