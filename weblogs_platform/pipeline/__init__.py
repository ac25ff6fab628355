"""The four steps of the way of the data for one stream and one hour, without Dagster.

`landing` lists, `validate` reads and splits, `manifest` says what COPY shall read, `load` puts it into the
stream table in one transaction. The assets call these; so does anything else that wants an hour loaded.
"""
