"""The floor, in a process of its own: the least that any path with these parts must do, with no judging at all.

    python -m benchmarks.floor HOUR THREADS DATABASE NAME=PID...

Takes an hour that went the whole path, and does again, by the shortest way there is, what no such path can leave out:

1. reads every object of the hour from S3 with boto3, and parses it once with DuckDB's `read_json`, every value typed
   and none kept (the first parse: somebody must look at every record before COPY does);
2. compresses the good bytes of the split copies, which are there from the start, and writes them to S3;
3. reads the copies from S3, parses them with `read_json` into a table of a new database file, and commits once.

No record is judged, framed, hashed or quarantined, no report, manifest or ledger is written, nothing goes over a
Redshift connection. What is read stays in memory as a whole: its memory says nothing about a path. DuckDB reads the
bytes as files in memory, which saves the local disk. Requests go out two at a time, as in the path.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any, TypeVar

import duckdb
import pyarrow as pa

from benchmarks.bare_read import typed_rows
from benchmarks.meter import Meter
from resources.lake import LakeResource
from weblogs_platform.clients.lake import Lake
from weblogs_platform.core.compression import is_gzip
from weblogs_platform.core.partitions import LandingHour
from weblogs_platform.local.redshift.copy.zstandard import decompressed_zstd
from weblogs_platform.pipeline.validate import read_report
from weblogs_platform.streams import WEB_LOGS

FLOOR = "floor process"

T = TypeVar("T")
R = TypeVar("R")

_PARALLEL = 2
_COPIES = "validated/floor/"  # where the platform's keys may write, and no stream has its name


def floor(hour: LandingHour, threads: int, database: str, processes: dict[str, int]) -> dict[str, Any]:
    """Does the three steps and measures itself and the named processes; the steps and the rows of the table."""
    lake = LakeResource().lake()
    report = read_report(lake, WEB_LOGS, hour)
    landed = [file.source.key for file in report.files]
    good = [_plain(lake.get(file.load_key)) for file in report.files if file.load_key]
    connection = duckdb.connect(database, config={"threads": threads})
    meter = Meter({FLOOR: os.getpid(), **processes})
    with meter.step("first read and parse"), _read(lake, landed) as (files, compression):
        connection.execute(f"SELECT count(COLUMNS(*)) FROM ({typed_rows(WEB_LOGS, compression)})", [files])
    with meter.step("split copies"):
        copies = _in_parallel(lambda numbered: _write(lake, *numbered), enumerate(good))
    with meter.step("second read, parse and commit"), _read(lake, copies) as (files, _):
        connection.execute("BEGIN")
        connection.execute(f"CREATE TABLE floor AS {typed_rows(WEB_LOGS, 'zstd')}", [files])
        connection.execute("COMMIT")
    [(rows,)] = connection.sql("SELECT count(*) FROM floor").fetchall()
    return {"steps": [asdict(step) for step in meter.steps], "rows": rows}


def _plain(copy: bytes) -> bytes:
    return b"".join(decompressed_zstd(iter([copy])))


def _write(lake: Lake, number: int, good: bytes) -> str:
    """Writes one split copy as the path does; its key."""
    key = f"{_COPIES}{number}.json.zst"
    lake.put(key, pa.compress(good, codec="zstd", asbytes=True), content_type="application/zstd")
    return key


@contextmanager
def _read(lake: Lake, keys: Sequence[str]) -> Iterator[tuple[list[str], str]]:
    """The objects as files in memory, which are gone afterwards: their paths, and how landing objects are compressed."""
    bodies = _in_parallel(lake.get, keys)
    descriptors = [_in_memory(body) for body in bodies]
    try:
        yield (
            [f"/proc/self/fd/{descriptor}" for descriptor in descriptors],
            "gzip" if is_gzip(bodies[0]) else "none",
        )
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


def _in_memory(body: bytes) -> int:
    descriptor = os.memfd_create("floor")
    with os.fdopen(descriptor, "wb", closefd=False) as file:
        file.write(body)
    return descriptor


def _in_parallel(work: Callable[[T], R], items: Iterable[T]) -> list[R]:
    with ThreadPoolExecutor(_PARALLEL) as pool:
        return list(pool.map(work, items))


if __name__ == "__main__":
    named = dict(argument.rsplit("=", 1) for argument in sys.argv[4:])
    found = floor(
        LandingHour.from_partition_key(sys.argv[1]),
        int(sys.argv[2]),
        sys.argv[3],
        {name: int(pid) for name, pid in named.items()},
    )
    print(json.dumps(found))
