"""COPY ... FROM 's3://...' JSON, to the letter of Redshift's documentation, over any session that keeps the contract.

`parse_copy` turns the statement's text into a value, `run_copy` runs it. Modules, in the order of the data:
`statement` (syntax), `jsonpaths` and `plan` (what goes into which column), `source` (S3, manifest, decompression),
`screen` with `column_sql` (the vectorised path), `records` with `values` and `temporal` (the exact path), `convert`
(both together), `errors`, `engine`.
"""

from weblogs_platform.local.redshift.copy.engine import run_copy
from weblogs_platform.local.redshift.copy.statement import CopyStatement, parse_copy

__all__ = ["CopyStatement", "parse_copy", "run_copy"]
