"""A Redshift-compatible server over one DuckDB file, for development and tests: see README.md in this folder.

`python -m weblogs_platform.local.redshift --config FILE` serves; `launch` starts it as a process.
"""
