"""UNLOAD over the wire into the real embedded S3: files, names, formats, refusals."""

from __future__ import annotations

import bz2
import gzip
import io
import json
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import redshift_connector

from tests.local.redshift.conftest import open_connection, refusal, rows
from tests.local.redshift.lake_fixtures import WRITER, Lake, lake, lake_options, lake_server, sql
from weblogs_platform.local.redshift.launch import RunningServer

__all__ = ["lake", "lake_options", "lake_server", "sql"]

_VALUES = """SELECT 1 AS id, ''plain'' AS name, true AS flag, CAST(1.50 AS DECIMAL(5,2)) AS price,
 CAST(''2026-01-02 03:04:05.5'' AS TIMESTAMP) AS at
 UNION ALL SELECT 2, ''a|b, "c"'', false, NULL, NULL ORDER BY 1"""


def _unload(lake: Lake, query: str, more: str = "", role: str = WRITER) -> str:
    return f"UNLOAD ('{query}') TO '{lake.url('out_')}' IAM_ROLE '{role}' {more}"


def _parquet(lake: Lake, name: str) -> pa.Table:
    return pq.ParquetFile(io.BytesIO(lake.read(name))).read()


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("", b'1|plain|t|1.50|2026-01-02 03:04:05.5\n2|a|b, "c"|f||\n'),
        ("DELIMITER ',' NULL AS 'NUL'", b'1,plain,t,1.50,2026-01-02 03:04:05.5\n2,a|b, "c",f,NUL,NUL\n'),
        ("ADDQUOTES ESCAPE", b'"1"|"plain"|"t"|"1.50"|"2026-01-02 03:04:05.5"\n"2"|"a\\|b, \\"c\\""|"f"||\n'),
        (
            "FORMAT AS CSV HEADER",
            b'id,name,flag,price,at\n1,plain,t,1.50,2026-01-02 03:04:05.5\n2,"a|b, ""c""",f,,\n',
        ),
        (
            "FORMAT JSON",
            (
                b'{"id":1,"name":"plain","flag":"t","price":1.50,"at":"2026-01-02 03:04:05.5"}\n'
                b'{"id":2,"name":"a|b, \\"c\\"","flag":"f","price":null,"at":null}\n'
            ),
        ),
    ],
)
def test_text_formats(lake: Lake, sql: Any, options: str, expected: bytes) -> None:
    """Byte for byte; without PARALLEL OFF there is a file for each slice, also for one without rows."""
    sql.execute(_unload(lake, _VALUES, options))
    assert lake.names() == ["out_0000_part_00", "out_0001_part_00"]
    assert lake.read("out_0000_part_00") == expected


def test_parquet_has_the_columns_types(lake: Lake, sql: Any) -> None:
    """A TIMESTAMPTZ is stored as its moment in UTC; SUPER as its JSON."""
    query = f"SELECT v.*, JSON_PARSE(''[1]'') AS s, CAST(''2026-01-01 00:00:00+02'' AS TIMESTAMPTZ) AS z FROM ({_VALUES}) v"
    sql.execute(_unload(lake, query, "PARQUET"))
    assert lake.names() == ["out_0000_part_00.parquet"]
    table = _parquet(lake, "out_0000_part_00.parquet")
    assert [str(kind) for kind in table.schema.types] == [
        "int32", "string", "bool", "decimal128(5, 2)", "timestamp[us]", "string", "timestamp[us]",
    ]  # fmt: skip
    assert table.column("s").to_pylist() == ["[1]", "[1]"]
    assert str(table.column("z")[0]) == "2025-12-31 22:00:00"
    metadata = pq.ParquetFile(io.BytesIO(lake.read("out_0000_part_00.parquet"))).metadata
    assert metadata.row_group(0).column(0).compression == "SNAPPY"


@pytest.mark.parametrize(
    ("option", "suffix", "opened"),
    [
        ("GZIP", ".gz", gzip.decompress),
        ("BZIP2", ".bz2", bz2.decompress),
        ("ZSTD", ".zst", lambda data: pa.CompressedInputStream(pa.BufferReader(data), "zstd").read()),
    ],
)
def test_compression_and_serial_names(lake: Lake, sql: Any, option: str, suffix: str, opened: Any) -> None:
    sql.execute(_unload(lake, "SELECT 7 AS a", f"{option} PARALLEL OFF"))
    assert lake.names() == [f"out_000{suffix}"]
    assert opened(lake.read(f"out_000{suffix}")) == b"7\n"


def test_partitions_manifest_and_nulls(lake: Lake, sql: Any) -> None:
    """Folders as Hive names them; rows keep the query's order; the manifest stands at the root."""
    query = (
        "SELECT ''b'' AS k, 3 AS v UNION ALL SELECT ''a'', 1 UNION ALL SELECT NULL, 9"
        " UNION ALL SELECT ''b'', 2 UNION ALL SELECT ''x/y'', 4"
    )
    sql.execute(_unload(lake, query, "PARQUET PARTITION BY (k) MANIFEST VERBOSE"))
    files = [
        f"out_/k={name}/0000_part_00.parquet" for name in ("__HIVE_DEFAULT_PARTITION__", "a", "b", "x%2Fy")
    ]
    assert lake.names() == [*files, "out_/manifest"]
    assert {name: _parquet(lake, name).to_pydict() for name in files} == {
        files[0]: {"v": [9]}, files[1]: {"v": [1]}, files[2]: {"v": [3, 2]}, files[3]: {"v": [4]},
    }  # fmt: skip
    manifest = json.loads(lake.read("out_/manifest"))
    sizes = {name: len(lake.read(name)) for name in files}
    assert {entry["url"]: entry["meta"] for entry in manifest["entries"]} == {
        lake.url(name): {"content_length": sizes[name], "record_count": 2 if "k=b" in name else 1}
        for name in files
    }
    assert manifest["meta"] == {"content_length": sum(sizes.values()), "record_count": 5}
    assert manifest["schema"] == {"elements": [{"name": "v", "type": {"base": "integer"}}]}
    assert manifest["author"] == {"name": "Amazon Redshift", "version": "1.0.0"}


def test_include_keeps_the_partition_columns(lake: Lake, sql: Any) -> None:
    sql.execute(_unload(lake, "SELECT 1 AS k, 2 AS v", "CSV PARTITION BY (k) INCLUDE PARALLEL OFF"))
    assert {name: lake.read(name) for name in lake.names()} == {"out_/k=1/000": b"1,2\n"}


def test_existing_files_are_kept_overwritten_or_removed(lake: Lake, sql: Any) -> None:
    """Only the folders that get new files are cleaned under PARTITION BY."""
    lake.put("out_0000_part_00", b"old")
    lake.put("out_old", b"old")
    with pytest.raises(redshift_connector.Error, match="Specified unload destination on S3 is not empty"):
        sql.execute(_unload(lake, "SELECT 1"))
    assert lake.read("out_0000_part_00") == b"old"
    sql.execute(_unload(lake, "SELECT 1", "ALLOWOVERWRITE PARALLEL OFF"))
    assert lake.names() == ["out_000", "out_0000_part_00", "out_old"]
    sql.execute(_unload(lake, "SELECT 2", "CLEANPATH PARALLEL OFF"))
    assert {name: lake.read(name) for name in lake.names()} == {"out_000": b"2\n"}
    for name in ("out_/k=1/old", "out_/k=2/old"):
        lake.put(name, b"old")
    sql.execute(_unload(lake, "SELECT 1 AS k, 5 AS v", "CLEANPATH PARALLEL OFF PARTITION BY (k)"))
    assert lake.names("out_/") == ["out_/k=1/000", "out_/k=2/old"]


def test_a_role_that_may_not_write_is_refused(lake: Lake, sql: Any) -> None:
    """With S3's own error; the failure is in the history; nothing is written."""
    with pytest.raises(redshift_connector.Error, match=r"S3ServiceException:Access Denied.*Status 403"):
        sql.execute(_unload(lake, "SELECT 1", "ALLOWOVERWRITE", role=lake.stack.copy_role))
    assert lake.names() == []
    ((status, message),) = rows(
        sql, "SELECT status, error_message FROM sys_unload_history WHERE query_id = pg_last_query_id()"
    )
    assert (status, "AccessDenied" in message) == ("aborted", True)
    assert refusal(sql, _unload(lake, "SELECT 1", role="arn:aws:iam::000000000000:role/none")) == "42501"


def test_read_only_users_have_no_roles(lake: Lake, lake_server: RunningServer) -> None:
    """Keys of their own are theirs to use."""
    connection = open_connection(lake_server, "reader")
    connection.autocommit = True
    assert refusal(connection.cursor(), _unload(lake, "SELECT 1")) == "42501"
    keys = lake.stack.keys["admin"]
    credentials = f"aws_access_key_id={keys.access_key};aws_secret_access_key={keys.secret_key}"
    connection.cursor().execute(
        f"UNLOAD ('SELECT 1') TO '{lake.url('own')}' CREDENTIALS '{credentials}' PARALLEL OFF"
    )
    connection.close()
    assert lake.names() == ["own000"]


def test_counters_and_history(lake: Lake, sql: Any) -> None:
    sql.execute("CREATE TABLE IF NOT EXISTS numbers (n INT)")
    sql.execute("TRUNCATE numbers")
    sql.execute("INSERT INTO numbers SELECT g FROM generate_series(1, 20000) AS t(g)")
    sql.execute(_unload(lake, "SELECT n FROM numbers ORDER BY n", "CSV EXTENSION 'csv'"))
    assert lake.names() == ["out_0000_part_00.csv", "out_0001_part_00.csv"]
    written = b"".join(lake.read(name) for name in lake.names()).split()
    assert sorted(map(int, written)) == list(range(1, 20001))
    assert rows(sql, "SELECT pg_last_unload_count()") == [(20000,)]
    log = "SELECT TRIM(path), line_count, transfer_size FROM stl_unload_log WHERE query = pg_last_query_id() ORDER BY 1"
    found = rows(sql, log)
    assert [path for path, _, _ in found] == [lake.url(name) for name in lake.names()]
    assert sum(lines for _, lines, _ in found) == 20000
    assert [size for _, _, size in found] == [len(lake.read(name)) for name in lake.names()]
    assert rows(
        sql,
        "SELECT status, file_format, unloaded_rows, unloaded_files_count FROM sys_unload_history"
        " WHERE query_id = pg_last_query_id()",
    ) == [("completed", "CSV", 20000, 2)]


def test_files_end_at_the_maximum_size(lake: Lake, sql: Any) -> None:
    """Whole lines, none lost, in order, no file over the limit."""
    query = "SELECT g, REPEAT(''x'', 1000) FROM generate_series(1, 12000) AS t(g) ORDER BY g"
    sql.execute(_unload(lake, query, "MAXFILESIZE 5 MB PARALLEL OFF"))
    assert lake.names() == ["out_000", "out_001", "out_002"]
    contents = [lake.read(name) for name in lake.names()]
    assert all(len(content) <= 5 * 1024 * 1024 and content.endswith(b"\n") for content in contents)
    numbers = [int(line.split(b"|")[0]) for line in b"".join(contents).splitlines()]
    assert numbers == list(range(1, 12001))


@pytest.mark.parametrize(
    ("query", "options", "state"),
    [
        ("SELECT 1 LIMIT 1", "", "0A000"),
        ("SELECT 1", "FIXEDWIDTH '1:2'", "0A000"),
        ("SELECT 1", "ENCRYPTED", "0A000"),
        ("SELECT 1", "FORMAT PARQUET GZIP", "42601"),
        ("SELECT 1", "FORMAT JSON HEADER", "42601"),
        ("SELECT 1", "ALLOWOVERWRITE CLEANPATH", "42601"),
        ("SELECT 1", "MAXFILESIZE 1 MB", "22023"),
        ("SELECT 1", "ROWGROUPSIZE 200 MB PARQUET", "22023"),
        ("SELECT 1", "DELIMITER 'ab'", "22023"),
        ("SELECT 1", "NO_SUCH_OPTION", "42601"),
        ("SELECT 1 AS a", "PARTITION BY (b)", "42703"),
        ("SELECT 1 AS a", "PARTITION BY (a)", "0A000"),
        ("SELECT 1 AS a, 2 AS a", "JSON", "42701"),
        ("DELETE FROM numbers", "", "42601"),
        ("SELECT 1 FROM no_such_table", "", "42P01"),
    ],
)
def test_refusals(lake: Lake, sql: Any, query: str, options: str, state: str) -> None:
    assert refusal(sql, _unload(lake, query, options)) == state
    assert lake.names() == []


def test_unloaded_json_loads_again(lake: Lake, sql: Any) -> None:
    """COPY reads what UNLOAD wrote, by its manifest."""
    sql.execute(
        "CREATE TABLE IF NOT EXISTS again (id INT, name VARCHAR(20), flag BOOLEAN, price DECIMAL(5,2))"
    )
    sql.execute("TRUNCATE again")
    sql.execute(
        _unload(lake, f"SELECT id, name, flag, price FROM ({_VALUES}) v", "JSON GZIP MANIFEST VERBOSE")
    )
    sql.execute(f"COPY again FROM '{lake.url('out_manifest')}' IAM_ROLE '{WRITER}' JSON 'auto' GZIP MANIFEST")
    found = rows(sql, "SELECT id, name, flag, CAST(price AS VARCHAR) FROM again ORDER BY id")
    assert found == [(1, "plain", True, "1.50"), (2, 'a|b, "c"', False, None)]


def test_a_secret_in_the_wrong_place_is_not_cited(lake: Lake, sql: Any) -> None:
    """The error goes to logs."""
    with pytest.raises(redshift_connector.Error) as caught:
        sql.execute(f"UNLOAD ('SELECT 1') TO '{lake.url()}' 'aws_secret_access_key=hush'")
    assert caught.value.args[0]["C"] == "42601"
    assert "hush" not in str(caught.value)
