"""COPY ... FROM 's3://...' JSON, to the letter of Redshift's documentation, over any session that keeps the contract.

`parse_copy` turns the statement's text into a value, `run_copy` runs it. Modules, in the order of the data:
`statement` (syntax), `jsonpaths` and `plan` (what goes into which column), `source` (S3, manifest, decompression),
`screen` with `column_sql` (the vectorised path), `records` with `values` and `temporal` (the exact path), `convert`
(both together), `errors`, `engine`.

Where the documentation is silent, this was chosen, and no real cluster has confirmed it:
- Of a key that is repeated the first counts. A null on the way of a path is like a missing element.
- White space around numbers, exponents in DECIMAL, NaN and Infinity, fractions of epoch seconds are errors of the value.
- NUL and lone surrogates are invalid characters (1220; replaced under ACCEPTINVCHARS).
- An offset other than UTC does not go into a TIMESTAMP without time zone (1206).
- A record that is not JSON ends where its braces close, else at the next brace that begins a line or follows a
  closing one. It is one error (1216).
- A damaged compressed file, like an object over 4 MB, fails the COPY whatever MAXERROR says.
- Of the errors that IGNOREALLERRORS passes over, the first 100,000 are written.
"""

from weblogs_platform.local.redshift.copy.engine import run_copy
from weblogs_platform.local.redshift.copy.statement import CopyStatement, parse_copy

__all__ = ["CopyStatement", "parse_copy", "run_copy"]
