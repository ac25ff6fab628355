"""Plain I/O without Dagster: the lake (S3) and the warehouse (Redshift)."""
