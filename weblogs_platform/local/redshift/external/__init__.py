"""External schemas and tables: Redshift Spectrum over the embedded S3.

`metadata` is the data catalog, kept in the database file; `ddl` changes it. A query's reference to an external table
is a `scan`: DuckDB hands it the columns and filters that the query needs, `pruning` drops partitions, `files` finds
the objects of those that are left, `parquet` reads them. `history` tells what was read.
"""
