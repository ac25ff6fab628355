"""The reference, in a process of its own: DuckDB's `read_json` of the files into a table of a new database file.

    python -m benchmarks.bare_read DATABASE THREADS FILE...

Prints one JSON line. It is as bare as it gets: typed columns, `ignore_errors`, no judgement of any record. The files
must be new-line delimited: of concatenated records with a broken one among them DuckDB reads no more than the first.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from typing import Any

import duckdb

from benchmarks.meter import Meter
from weblogs_platform.core.spec import Double, Field, Integer, StreamSpec
from weblogs_platform.streams import WEB_LOGS

STEP = "bare read"


def bare_read(database: str, threads: int, files: list[str], spec: StreamSpec = WEB_LOGS) -> dict[str, Any]:
    """Reads and measures; the step and the rows of the table."""
    connection = duckdb.connect(database, config={"threads": threads})
    meter = Meter({"duckdb": os.getpid()})
    with meter.step(STEP):
        connection.execute(f"CREATE TABLE bare AS {typed_rows(spec)}", [files])
    [(rows,)] = connection.sql("SELECT count(*) FROM bare").fetchall()
    return {**asdict(meter.steps[0]), "rows": rows}


def typed_rows(spec: StreamSpec, compression: str = "auto_detect") -> str:
    """A query for the stream's columns from files of lines, given as its parameter; bad records are left out."""
    columns = ", ".join(f"{'.'.join(_quoted(m) for m in f.members)} AS {f.column}" for f in spec.fields)
    return (
        f"SELECT {columns} FROM read_json(?, format = 'newline_delimited', "
        f"compression = '{compression}', ignore_errors = true, columns = {_columns(spec)})"
    )


def _columns(spec: StreamSpec) -> str:
    outer = [f"{f.members[0]}: '{_type(f)}'" for f in spec.fields if len(f.members) == 1]
    inner = [f"{_quoted(f.members[1])} {_type(f)}" for f in spec.fields if len(f.members) == 2]
    return "{" + ", ".join([*outer, f"{spec.payload}: 'STRUCT({', '.join(inner)})'"]) + "}"


def _type(f: Field) -> str:
    if isinstance(f.type, Integer):
        return "INTEGER"
    if isinstance(f.type, Double):
        return "DOUBLE"
    return "TIMESTAMP" if f.type.ddl == "TIMESTAMP" else "VARCHAR"


def _quoted(name: str) -> str:
    return f'"{name}"'


if __name__ == "__main__":
    print(json.dumps(bare_read(sys.argv[1], int(sys.argv[2]), sys.argv[3:])))
