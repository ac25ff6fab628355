"""External tables at a lake's scale: a year of partitions, and Delta Lake's manifests as deltalake writes them."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any
from urllib.parse import unquote, urlsplit

import deltalake
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import redshift_connector

from tests.faults.s3_proxy import S3Proxy
from tests.local.redshift.conftest import open_connection, rows
from tests.local.redshift.lake_fixtures import WRITER, Lake, lake, lake_options
from weblogs_platform.local.endpoints import Endpoints
from weblogs_platform.local.redshift.launch import LaunchOptions, launch

__all__ = ["lake", "lake_options"]

_SYMLINKS = """ROW FORMAT SERDE 'org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe'
 STORED AS INPUTFORMAT 'org.apache.hadoop.hive.ql.io.SymlinkTextInputFormat'
 OUTPUTFORMAT 'org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat'"""
_START = dt.datetime.fromisoformat("2025-01-01T00:00")
_HOURS = [_START + dt.timedelta(hours=number) for number in range(8760)]


class WatchedS3(S3Proxy):
    """Notes every request that S3 gets."""

    def __init__(self, port: int) -> None:
        super().__init__(port, "")
        self.requests: list[str] = []

    def _fault_of(self, request: Any) -> None:
        self.requests.append(request.head.split(b"\r\n", 1)[0].decode())

    def read_keys(self) -> set[str]:
        """Keys that were read since the last call."""
        requests, self.requests = self.requests, []
        paths = [unquote(urlsplit(line.split()[1]).path) for line in requests if line.startswith("GET ")]
        return {path.lstrip("/").partition("/")[2] for path in paths} - {""}


@pytest.fixture(scope="module")
def watched(stack: Endpoints) -> Iterator[WatchedS3]:
    proxy = WatchedS3(urlsplit(stack.s3_url).port or 0)
    yield proxy
    proxy.close()


@pytest.fixture(scope="module")
def sql(
    watched: WatchedS3, lake_options: LaunchOptions, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Any]:
    """A server that reaches S3 through the proxy, and an external schema in it."""
    options = replace(lake_options, s3_endpoint=f"http://127.0.0.1:{watched.port}")
    with launch(tmp_path_factory.mktemp("watched"), options) as server:
        connection = open_connection(server)
        connection.autocommit = True
        cursor = connection.cursor()
        cursor.execute(
            f"CREATE EXTERNAL SCHEMA lake FROM DATA CATALOG DATABASE 'lake' IAM_ROLE '{WRITER}'"
            " CREATE EXTERNAL DATABASE IF NOT EXISTS"
        )
        yield cursor
        connection.close()


def _folder(hour: dt.datetime) -> str:
    return f"year/day={hour:%Y-%m-%d}/hour={hour:%H}/"


def _add_partitions(cursor: Any, table: str, lake: Lake, hours: list[dt.datetime], root: str = "") -> None:
    """A hundred a statement, as many as Redshift takes."""
    for start in range(0, len(hours), 100):
        cursor.execute(
            f"ALTER TABLE {table} ADD IF NOT EXISTS "
            + " ".join(
                f"PARTITION (day='{hour:%Y-%m-%d}', hour='{hour:%H}') LOCATION '{lake.url(root + _folder(hour))}'"
                for hour in hours[start : start + 100]
            )
        )


def _last_scan(cursor: Any) -> tuple[Any, ...]:
    (found,) = rows(
        cursor,
        "SELECT d.total_partitions, d.qualified_partitions, s.files, s.s3_scanned_bytes, s.s3query_returned_rows"
        " FROM sys_external_query_detail d JOIN svl_s3query_summary s ON s.query = d.query_id"
        " WHERE d.query_id = pg_last_query_id()",
    )
    return found


def test_a_query_over_some_hours_of_a_year_reads_those_files_only(
    sql: Any, watched: WatchedS3, lake: Lake
) -> None:
    """8,760 hourly partitions, an object in every sixth: what S3 was asked for, and what the views say."""
    stored = _HOURS[::6]
    sink = io.BytesIO()
    pq.write_table(pa.table({"id": pa.array([1, 2], pa.int32())}), sink)
    body = sink.getvalue()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda hour: lake.put(f"{_folder(hour)}part.parquet", body), stored))
    sql.execute(
        "CREATE EXTERNAL TABLE lake.year (id INT) PARTITIONED BY (day DATE, hour CHAR(2)) STORED AS PARQUET"
        f" LOCATION '{lake.url('year/')}'"
    )
    _add_partitions(sql, "lake.year", lake, _HOURS)
    assert rows(sql, "SELECT COUNT(*) FROM svv_external_partitions WHERE tablename = 'year'") == [(8760,)]
    watched.read_keys()

    wanted = [hour for hour in stored if hour.date() == dt.date(2025, 7, 20) and hour.hour >= 6]
    query = "SELECT COUNT(*), SUM(id) FROM lake.year WHERE day = '2025-07-20' AND hour >= '06'"
    assert rows(sql, query) == [(6, 9)]
    assert watched.read_keys() == {f"{lake.prefix}{_folder(hour)}part.parquet" for hour in wanted}
    assert _last_scan(sql) == (8760, 18, 3, 3 * len(body), 6)

    across = """SELECT COUNT(*) FROM (SELECT * FROM lake.year) h
        WHERE (day = '2025-03-01' AND hour = '18') OR (day = '2025-03-02' AND hour = '00')"""
    assert rows(sql, across) == [(4,)]
    assert _last_scan(sql)[:3] == (8760, 2, 2)
    assert len(watched.read_keys()) == 2

    assert rows(sql, "SELECT COUNT(*) FROM lake.year") == [(2 * len(stored),)]
    assert _last_scan(sql)[:3] == (8760, 8760, len(stored))


@pytest.fixture
def delta(lake: Lake) -> tuple[str, dict[str, str]]:
    """Where a Delta table is written, and with which options."""
    keys = lake.stack.keys["admin"]
    options = {
        "AWS_ENDPOINT_URL": lake.stack.s3_url, "AWS_ACCESS_KEY_ID": keys.access_key,
        "AWS_SECRET_ACCESS_KEY": keys.secret_key, "AWS_REGION": lake.stack.region, "AWS_ALLOW_HTTP": "true",
        "aws_conditional_put": "etag",
    }  # fmt: skip
    return lake.url("year"), options


def _write(delta: tuple[str, dict[str, str]], hours: list[dt.datetime], ids: list[int]) -> None:
    url, options = delta
    table = pa.table(
        {
            "id": pa.array(ids, pa.int32()),
            "at": pa.array([hour.replace(tzinfo=dt.UTC) for hour in hours], pa.timestamp("us", tz="UTC")),
            "day": pa.array([hour.date() for hour in hours]),
            "hour": pa.array([f"{hour:%H}" for hour in hours]),
        }
    )
    deltalake.write_deltalake(
        url, table, mode="append", partition_by=["day", "hour"], storage_options=options
    )
    deltalake.DeltaTable(url, storage_options=options).generate()


def test_a_delta_table_is_read_through_its_manifests(
    sql: Any, watched: WatchedS3, lake: Lake, delta: tuple[str, dict[str, str]]
) -> None:
    """Only what the current version of the table holds, and of the asked hours only; new versions show at once."""
    hours = _HOURS[:4]
    _write(delta, hours, [1, 2, 3, 4])
    manifests = lake.url("year/_symlink_format_manifest")
    sql.execute(
        "CREATE EXTERNAL TABLE lake.delta (id INT, at TIMESTAMP) PARTITIONED BY (day DATE, hour VARCHAR(2))"
        f" {_SYMLINKS} LOCATION '{manifests}'"
    )
    for hour in hours:
        location = f"{manifests}/day={hour:%Y-%m-%d}/hour={hour:%H}"
        sql.execute(
            f"ALTER TABLE lake.delta ADD PARTITION (day='{hour:%Y-%m-%d}', hour='{hour:%H}') LOCATION '{location}'"
        )
    assert rows(sql, "SELECT id, at FROM lake.delta ORDER BY id") == list(
        zip([1, 2, 3, 4], hours, strict=True)
    )
    watched.read_keys()
    assert rows(sql, "SELECT id FROM lake.delta WHERE day = '2025-01-01' AND hour = '02'") == [(3,)]
    read = watched.read_keys()
    assert len(read) == 2  # a manifest and the file that it names
    assert all("hour=02" in key for key in read)
    assert _last_scan(sql)[:3] == (4, 1, 1)

    _write(delta, hours[2:3], [30])
    assert rows(sql, "SELECT id FROM lake.delta WHERE hour = '02' ORDER BY id") == [(3,), (30,)]
    url, options = delta
    deltalake.DeltaTable(url, storage_options=options).delete("id = 3")
    deltalake.DeltaTable(url, storage_options=options).generate()
    assert rows(sql, "SELECT id FROM lake.delta WHERE hour = '02'") == [(30,)]


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        (None, "Error fetching Delta Lake manifest"),
        ("s3://{bucket}/{prefix}d/gone.parquet", "listed in Delta Lake manifest .* was not found"),
        ("s3://another/x.parquet", "cannot contain entries in bucket another"),
        (
            "s3://{bucket}/{prefix}d/x.parquet\ns3://{bucket}/{prefix}e/x.parquet",
            "expected to be in the same folder",
        ),
        ("no path", "Invalid S3 Path"),
        ("", "Empty Delta Lake manifests are not valid"),
        ("\n \r\n", "Empty Delta Lake manifests are not valid"),
    ],
)
def test_manifests_that_cannot_be_used(sql: Any, lake: Lake, manifest: str | None, message: str) -> None:
    """As Spectrum words it."""
    if manifest is not None:
        text = manifest.format(bucket=lake.stack.bucket, prefix=lake.prefix)
        lake.put("_symlink_format_manifest/manifest", text.encode())
    location = lake.url("_symlink_format_manifest")
    sql.execute(f"CREATE EXTERNAL TABLE lake.broken (id INT) {_SYMLINKS} LOCATION '{location}'")
    try:
        with pytest.raises(redshift_connector.Error, match=message):
            rows(sql, "SELECT id FROM lake.broken")
    finally:
        sql.execute("DROP TABLE lake.broken")
