"""What a COPY keeps in memory while its transaction goes on."""

from __future__ import annotations

import gc
import weakref

import duckdb
import pyarrow as pa

from weblogs_platform.local.redshift.copy.engine import SourceRows


def test_rows_go_before_the_transaction_ends() -> None:
    """An hour is one transaction: rows that stayed until its end would be the whole hour in memory."""
    source = SourceRows(pa.table({"c0": pa.array([], pa.int32())}))
    with duckdb.connect(":memory:") as connection:
        connection.execute("CREATE TABLE target (c0 INTEGER)")
        connection.execute("BEGIN")
        connection.register("copy_rows", source)
        for first in (0, 100):
            rows = pa.table({"c0": pa.array(range(first, first + 100), pa.int32())})
            gone = weakref.ref(rows)
            with source.holding(rows):
                connection.execute("INSERT INTO target SELECT c0 FROM copy_rows")
            del rows
            gc.collect()
            assert gone() is None
        connection.unregister("copy_rows")
        connection.execute("COMMIT")
        assert connection.sql("SELECT count(*), sum(c0) FROM target").fetchall() == [(200, sum(range(200)))]
