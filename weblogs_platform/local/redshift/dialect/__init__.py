"""Redshift SQL as it comes from a client, read strictly and turned into DuckDB SQL.

Commands (DDL, SET, LOCK, GRANT, ...) are parsed by hand from tokens; queries and DML by sqlglot. What is on no
allow-list here is refused with 0A000: nothing of DuckDB's own dialect reaches the engine by accident.
"""
