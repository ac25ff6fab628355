-- Which files did COPY read last, and how many of their lines? Redshift's own answer; it keeps a week.
SELECT record_time, RTRIM(file_name) AS file_name, lines_scanned
FROM sys_load_detail
ORDER BY record_time DESC
LIMIT 20;
