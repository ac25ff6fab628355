"""UNLOAD: a query's rows as files in S3.

`parse_unload` reads the statement, `run_unload` writes the files: `values` renders text, CSV and JSON, `parts` writes
one file, `target` names and uploads them. The session's side (locks, privileges, counters) is `unloading`.
"""

from weblogs_platform.local.redshift.unload.engine import run_unload
from weblogs_platform.local.redshift.unload.statement import UnloadStatement, parse_unload

__all__ = ["UnloadStatement", "parse_unload", "run_unload"]
