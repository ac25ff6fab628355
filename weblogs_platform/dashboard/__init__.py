"""The dashboards: Streamlit pages over the derived tables and the ledger, read with a user who may only read.

`serve` starts them, `app` is the script that Streamlit runs, `views/` has a module for each page. The address bar is
the only state of a page: `view` reads it, `filters` writes it. Every query is a file of `sql/dashboard/`.
Deliberately absent: anything that writes, and anything that knows the embedded stack.
"""
