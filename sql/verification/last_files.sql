-- Which files did COPY read last, and how many of their lines? Redshift's own answer; it keeps a week.
SELECT curtime AS read_at, name AS table_name, filename, lines_scanned, errors
FROM stl_load_commits
ORDER BY curtime DESC
LIMIT 20;
