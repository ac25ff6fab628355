"""External schemas and tables over the wire, with real Parquet files in the real embedded S3."""

from __future__ import annotations

import datetime as dt
import io
import itertools
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import redshift_connector

from tests.local.redshift.conftest import open_connection, refusal, rows
from tests.local.redshift.lake_fixtures import WRITER, Lake, lake, lake_options, lake_server, sql
from weblogs_platform.local.redshift.launch import LaunchOptions, RunningServer, launch

__all__ = ["lake", "lake_options", "lake_server", "sql"]
_NAMES = itertools.count(1)
_PLAIN = "CREATE EXTERNAL TABLE {s}.x (a INT) STORED AS PARQUET LOCATION 's3://b/k/'"


def parquet(**columns: Any) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue()


def schema_statement(name: str, role: str = WRITER) -> str:
    return (
        f"CREATE EXTERNAL SCHEMA {name} FROM DATA CATALOG DATABASE '{name}_db' IAM_ROLE '{role}'"
        " CREATE EXTERNAL DATABASE IF NOT EXISTS"
    )


@pytest.fixture
def spectrum(sql: Any) -> str:
    """An external schema of the test's own."""
    name = f"spectrum{next(_NAMES)}"
    sql.execute(schema_statement(name))
    return name


@pytest.fixture
def sales(sql: Any, lake: Lake, spectrum: str) -> str:
    """A table of three partitions, one of them Hive's null, with two files in one."""
    lake.put("sales/day=2026-01-01/a.parquet", parquet(id=pa.array([1, 2], pa.int32()), name=["a", "b"]))
    lake.put("sales/day=2026-01-01/b.parquet", parquet(id=pa.array([3], pa.int32()), name=["c"]))
    lake.put("sales/day=2026-01-02/a.parquet", parquet(id=pa.array([4], pa.int32()), name=["d"]))
    lake.put(
        "sales/day=__HIVE_DEFAULT_PARTITION__/a.parquet", parquet(id=pa.array([5], pa.int32()), name=["e"])
    )
    lake.put("sales/day=2026-01-02/_hidden.parquet", b"not parquet")
    lake.put("sales/day=2026-01-02/.part/x.parquet", b"not parquet")
    table = f"{spectrum}.sales"
    sql.execute(
        f"CREATE EXTERNAL TABLE {table} (id INT, name VARCHAR(10), missing VARCHAR(5)) PARTITIONED BY (day DATE)"
        f" STORED AS PARQUET LOCATION '{lake.url('sales/')}' TABLE PROPERTIES ('numRows'='5')"
    )
    days = ("2026-01-01", "2026-01-02", "__HIVE_DEFAULT_PARTITION__")
    parts = " ".join(f"PARTITION (day='{day}') LOCATION '{lake.url(f'sales/day={day}/')}'" for day in days)
    sql.execute(f"ALTER TABLE {table} ADD IF NOT EXISTS {parts}")
    return table


def last_scan(cursor: Any) -> tuple[Any, ...]:
    """Files, qualified and total partitions of the last query."""
    (found,) = rows(
        cursor,
        "SELECT scanned_files, qualified_partitions, total_partitions FROM sys_external_query_detail"
        " WHERE query_id = pg_last_query_id()",
    )
    return found


def test_queries_join_external_and_local_tables(sql: Any, sales: str) -> None:
    """Columns that a file lacks are null; hidden objects are passed over."""
    assert rows(sql, f"SELECT * FROM {sales} ORDER BY id") == [
        (1, "a", None, dt.date(2026, 1, 1)),
        (2, "b", None, dt.date(2026, 1, 1)),
        (3, "c", None, dt.date(2026, 1, 1)),
        (4, "d", None, dt.date(2026, 1, 2)),
        (5, "e", None, None),
    ]
    sql.execute("CREATE TEMP TABLE wanted AS SELECT 2 AS id UNION ALL SELECT 4")
    joined = f"SELECT s.name, COUNT(*) OVER () FROM {sales} s JOIN wanted USING (id) ORDER BY 1"
    assert rows(sql, joined) == [("b", 2), ("d", 2)]
    both = f"SELECT COUNT(*) FROM {sales} a JOIN {sales} b ON a.id = b.id + 1 WHERE a.day = '2026-01-02'"
    assert rows(sql, both) == [(1,)]
    sql.execute(f"CREATE TEMP TABLE copied AS SELECT id, day FROM {sales} WHERE day IS NOT NULL")
    sql.execute(f"INSERT INTO copied SELECT id, day FROM {sales} WHERE day IS NULL")
    assert rows(sql, "SELECT COUNT(*), COUNT(day) FROM copied") == [(5, 4)]


@pytest.mark.parametrize(
    ("where", "ids", "partitions"),
    [
        ("day = '2026-01-02'", [4], 1),
        ("day >= DATE '2026-01-01' AND day < DATE '2026-01-02'", [1, 2, 3], 1),
        ("day IN ('2026-01-02', '2030-01-01')", [4], 1),
        ("day IS NULL", [5], 1),
        ("day IS NOT NULL AND id > 2", [3, 4], 2),
        ("(day = '2026-01-01' AND id = 1) OR (day = '2026-01-02' AND id = 4)", [1, 4], 2),
        ("day = '2030-01-01'", [], 0),
        ("name = 'c'", [3], 3),
    ],
)
def test_partitions_are_pruned(sql: Any, sales: str, where: str, ids: list[int], partitions: int) -> None:
    """Through a subquery as well as at the top."""
    for query in (
        f"SELECT id FROM {sales} WHERE {where}",
        f"SELECT id FROM (SELECT * FROM {sales}) WHERE {where}",
    ):
        assert sorted(row[0] for row in rows(sql, query)) == ids
        assert last_scan(sql)[1:] == (partitions, 3)


def test_pseudo_columns(sql: Any, lake: Lake, sales: str) -> None:
    """A star stays without them."""
    found = rows(sql, f'SELECT DISTINCT "$path", "$size" FROM {sales} WHERE day = \'2026-01-01\' ORDER BY 1')
    names = ["sales/day=2026-01-01/a.parquet", "sales/day=2026-01-01/b.parquet"]
    assert found == [(lake.url(name), len(lake.read(name))) for name in names]
    sql.execute(f'SELECT *, "$path" FROM {sales}')
    assert [column[0] for column in sql.description] == ["id", "name", "missing", "day", "$path"]
    path = lake.url(names[1])
    assert rows(sql, f"SELECT id FROM {sales} WHERE \"$path\" = '{path}'") == [(3,)]


def test_types_and_truncation(sql: Any, lake: Lake, spectrum: str) -> None:
    """VARCHAR(n) cuts what is longer, at a whole character; timestamps lose their zone."""
    moment = dt.datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=dt.UTC)
    lake.put(
        "types/a.parquet",
        parquet(
            s=pa.array([7], pa.int16()), b=pa.array([1 << 40]), f=pa.array([1.5], pa.float32()), d=[2.5],
            flag=[True], n=pa.array([Decimal("12.30")], pa.decimal128(10, 2)), day=[dt.date(2026, 1, 2)],
            at=pa.array([moment], pa.timestamp("us", tz="UTC")), text=["ab\u00e9\u00e9"],
        ),
    )  # fmt: skip
    sql.execute(
        f"CREATE EXTERNAL TABLE {spectrum}.types (s SMALLINT, b BIGINT, f REAL, d DOUBLE PRECISION, flag BOOLEAN,"
        f" n DECIMAL(10,2), day DATE, at TIMESTAMP, text VARCHAR(5)) STORED AS PARQUET LOCATION '{lake.url('types')}'"
    )
    expected = (
        7,
        1 << 40,
        1.5,
        2.5,
        True,
        Decimal("12.30"),
        dt.date(2026, 1, 2),
        moment.replace(tzinfo=None),
        "ab\u00e9",
    )
    assert rows(sql, f"SELECT * FROM {spectrum}.types") == [expected]
    assert rows(sql, f"SELECT COUNT(*) FROM {spectrum}.types WHERE text = 'ab\u00e9'") == [(1,)]


def test_of_a_large_file_only_the_needed_columns_are_read(sql: Any, lake: Lake, spectrum: str) -> None:
    """In several row groups and batches; what was read is in the history, in bytes."""
    count = 200_000
    sink = io.BytesIO()
    noise = np.random.default_rng(7).integers(0, 1 << 62, count)
    pq.write_table(
        pa.table({"noise": noise, "id": pa.array(range(count), pa.int32())}), sink, row_group_size=50_000
    )
    size = sink.tell()
    lake.put("large/a.parquet", sink.getvalue())
    sql.execute(
        f"CREATE EXTERNAL TABLE {spectrum}.large (id INT, noise BIGINT) STORED AS PARQUET LOCATION '{lake.url('large/')}'"
    )
    scanned = "SELECT s3_scanned_bytes, s3_scanned_rows, files FROM svl_s3query_summary WHERE query = pg_last_query_id()"
    assert rows(sql, f"SELECT COUNT(id), MAX(id) FROM {spectrum}.large") == [(count, count - 1)]
    ((narrow, seen, files),) = rows(sql, scanned)
    assert (seen, files) == (count, 1)
    assert rows(sql, f"SELECT SUM(noise % 1000), COUNT(id) FROM {spectrum}.large") == [
        (int((noise % 1000).sum()), count)
    ]
    ((whole, _, _),) = rows(sql, scanned)
    assert narrow < 0.7 * size < whole <= 1.2 * size


@pytest.mark.parametrize("column", ["a BIGINT", "a VARCHAR(10)", "a DATE", "a DECIMAL(10,0)"])
def test_a_type_that_does_not_match_is_an_error(sql: Any, lake: Lake, spectrum: str, column: str) -> None:
    """As Spectrum says it, naming file and column; the session goes on."""
    lake.put("mismatch/a.parquet", parquet(a=pa.array([1], pa.int32())))
    sql.execute(
        f"CREATE EXTERNAL TABLE {spectrum}.t ({column}) STORED AS PARQUET LOCATION '{lake.url('mismatch/')}'"
    )
    expected = (
        r"mismatch/a\.parquet' has an incompatible Parquet schema for column 'a'\. Column type: .*int32 a"
    )
    with pytest.raises(redshift_connector.Error, match=expected):
        rows(sql, f"SELECT a FROM {spectrum}.t")
    lake.put("fine/a.parquet", parquet(b=pa.array([1], pa.int32())))
    sql.execute(
        f"CREATE EXTERNAL TABLE {spectrum}.f (b INT) STORED AS PARQUET LOCATION '{lake.url('fine/')}'"
    )
    with pytest.raises(redshift_connector.Error, match="incompatible Parquet schema"):
        rows(sql, f"SELECT a, b FROM {spectrum}.f CROSS JOIN {spectrum}.t")
    assert refusal(sql, "SELECT CAST('x' || CAST(1 AS VARCHAR) AS INT)") == "22P02"  # its own error again


def test_a_role_that_may_not_read_is_refused(sql: Any, lake: Lake) -> None:
    """Each schema reads with its own role; the scan's row in the history says that it failed."""
    sql.execute(schema_statement("closed", lake.stack.copy_role))
    url = f"s3://{lake.stack.bucket}/reports/none/"
    sql.execute(f"CREATE EXTERNAL TABLE closed.t (a INT) STORED AS PARQUET LOCATION '{url}'")
    with pytest.raises(redshift_connector.Error, match=r"S3ServiceException:Access Denied.*Status 403"):
        rows(sql, "SELECT a FROM closed.t")
    assert rows(sql, "SELECT aborted FROM svl_s3query_summary WHERE query = pg_last_query_id()") == [(1,)]
    unknown = (
        "CREATE EXTERNAL SCHEMA x FROM DATA CATALOG DATABASE 'x' IAM_ROLE 'arn:aws:iam::000000000000:role/no'"
    )
    assert refusal(sql, unknown) == "42501"


def test_partitions_change(sql: Any, lake: Lake, sales: str) -> None:
    lake.put("elsewhere/a.parquet", parquet(id=pa.array([9], pa.int32())))
    first = f"ALTER TABLE {sales} ADD PARTITION (day='2026-01-01') LOCATION '{lake.url('elsewhere/')}'"
    assert refusal(sql, first) == "42710"
    sql.execute(first.replace("ADD", "ADD IF NOT EXISTS"))  # keeps the location that it has
    assert rows(sql, f"SELECT COUNT(*) FROM {sales} WHERE day = '2026-01-01'") == [(3,)]
    sql.execute(f"ALTER TABLE {sales} PARTITION (day='2026-01-01') SET LOCATION '{lake.url('elsewhere')}'")
    assert rows(sql, f"SELECT id FROM {sales} WHERE day = '2026-01-01'") == [(9,)]
    sql.execute(f"ALTER TABLE {sales} DROP PARTITION (day='2026-01-01')")
    assert rows(sql, f"SELECT id FROM {sales} ORDER BY 1") == [(4,), (5,)]
    assert refusal(sql, f"ALTER TABLE {sales} DROP PARTITION (day='2026-01-01')") == "42704"
    assert refusal(sql, f"ALTER TABLE {sales} ADD PARTITION (day='soon') LOCATION 's3://b/x/'") == "22P02"
    assert refusal(sql, f"ALTER TABLE {sales} ADD PARTITION (id=1) LOCATION 's3://b/x/'") == "42601"


def test_catalog_views(sql: Any, lake: Lake, sales: str, spectrum: str) -> None:
    assert rows(
        sql,
        f"SELECT eskind, databasename, esoptions FROM svv_external_schemas WHERE schemaname = '{spectrum}'",
    ) == [(1, f"{spectrum}_db", f'{{"IAM_ROLE":"{WRITER}"}}')]
    assert rows(
        sql,
        f"SELECT tablename, location, parameters FROM svv_external_tables WHERE schemaname = '{spectrum}'",
    ) == [("sales", lake.url("sales/"), '{"numRows":"5"}')]
    columns = f"""SELECT columnname, external_type, columnnum, part_key FROM svv_external_columns
        WHERE schemaname = '{spectrum}' ORDER BY columnnum"""
    assert rows(sql, columns) == [
        ("id", "int", 1, 0), ("name", "varchar(10)", 2, 0), ("missing", "varchar(5)", 3, 0), ("day", "date", 4, 1),
    ]  # fmt: skip
    partitions = (
        f"SELECT \"values\", location FROM svv_external_partitions WHERE schemaname = '{spectrum}' ORDER BY 1"
    )
    assert rows(sql, partitions)[0] == ('["2026-01-01"]', lake.url("sales/day=2026-01-01/"))
    assert rows(sql, f"SELECT schema_type FROM svv_all_schemas WHERE schema_name = '{spectrum}'") == [
        ("external",)
    ]
    assert rows(sql, f"SELECT table_type FROM svv_all_tables WHERE schema_name = '{spectrum}'") == [
        ("EXTERNAL TABLE",)
    ]
    assert rows(sql, f"SELECT 1 FROM svv_external_databases WHERE databasename = '{spectrum}_db'") == [(1,)]


def test_the_data_catalog_outlives_its_schema(sql: Any, sales: str, spectrum: str) -> None:
    """Dropping the schema leaves the database; dropping that with CASCADE leaves nothing but the files."""
    sql.execute(f"DROP SCHEMA {spectrum}")
    assert refusal(sql, f"SELECT 1 FROM {sales}") == "3F000"
    sql.execute(schema_statement(spectrum))
    assert rows(sql, f"SELECT COUNT(*) FROM {sales}") == [(5,)]
    assert refusal(sql, f"DROP SCHEMA {spectrum} DROP EXTERNAL DATABASE") == "2BP01"
    sql.execute(f"DROP TABLE {sales}")
    assert refusal(sql, f"SELECT 1 FROM {sales}") == "42P01"
    sql.execute(f"DROP SCHEMA {spectrum} DROP EXTERNAL DATABASE CASCADE")
    assert rows(sql, f"SELECT 1 FROM svv_external_databases WHERE databasename = '{spectrum}_db'") == []


def test_ddl_is_refused_in_a_transaction_block(
    lake_server: RunningServer, sql: Any, sales: str, spectrum: str
) -> None:
    connection = open_connection(lake_server)
    for statement in (
        f"CREATE EXTERNAL TABLE {spectrum}.t (a INT) STORED AS PARQUET LOCATION 's3://b/k/'",
        f"ALTER TABLE {sales} ADD PARTITION (day='2030-01-01') LOCATION 's3://b/k/'",
        f"ALTER TABLE {sales} ADD COLUMN x INT",
        f"DROP TABLE {sales}",
        schema_statement("more"),
    ):
        assert refusal(connection.cursor(), statement) == "25001"
        connection.rollback()
    connection.close()


def test_read_only_users_need_the_schema(
    lake_server: RunningServer, sql: Any, sales: str, spectrum: str
) -> None:
    """USAGE on the schema is all that there is to grant."""
    connection = open_connection(lake_server, "reader")
    connection.autocommit = True
    cursor = connection.cursor()
    assert refusal(cursor, f"SELECT 1 FROM {sales}") == "42501"
    assert refusal(sql, f"GRANT SELECT ON {sales} TO reader") == "0A000"
    sql.execute(f"GRANT USAGE ON SCHEMA {spectrum} TO reader")
    assert rows(cursor, f"SELECT COUNT(*) FROM {sales}") == [(5,)]
    assert refusal(cursor, f"ALTER TABLE {sales} DROP PARTITION (day='2026-01-01')") == "42501"
    connection.close()


def test_a_column_is_added(sql: Any, lake: Lake, spectrum: str, sales: str) -> None:
    """It stands before the partition columns; files of before have none of it, later ones are read by its name."""
    assert refusal(sql, f"SELECT price FROM {sales}") == "42703"
    sql.execute(f"ALTER TABLE {sales} ADD COLUMN price DECIMAL(8,2)")
    sql.execute(f"ALTER TABLE {sales} ADD first_word VARCHAR(5)")
    later = parquet(
        price=pa.array([Decimal("1.50")], pa.decimal128(8, 2)),
        first_word=["abc"],
        id=pa.array([9], pa.int32()),
    )
    lake.put("sales/day=2026-01-02/later.parquet", later)
    assert rows(sql, f"SELECT * FROM {sales} WHERE day = '2026-01-02' ORDER BY id") == [
        (4, "d", None, None, None, dt.date(2026, 1, 2)),
        (9, None, None, Decimal("1.50"), "abc", dt.date(2026, 1, 2)),
    ]
    assert rows(
        sql,
        "SELECT columnname, external_type, columnnum, part_key FROM svv_external_columns"
        f" WHERE schemaname = '{spectrum}' AND columnnum > 3 ORDER BY columnnum",
    ) == [("price", "decimal(8,2)", 4, 0), ("first_word", "varchar(5)", 5, 0), ("day", "date", 6, 1)]


@pytest.mark.parametrize(
    ("statement", "state"),
    [
        ("CREATE EXTERNAL TABLE {s}.x (a INT) STORED AS TEXTFILE LOCATION 's3://b/k/'", "0A000"),
        (
            "CREATE EXTERNAL TABLE {s}.x (a INT) ROW FORMAT DELIMITED STORED AS PARQUET LOCATION 's3://b/k/'",
            "0A000",
        ),
        ("CREATE EXTERNAL TABLE {s}.x (a TIMESTAMPTZ) STORED AS PARQUET LOCATION 's3://b/k/'", "0A000"),
        ("CREATE EXTERNAL TABLE {s}.x (a INT, a INT) STORED AS PARQUET LOCATION 's3://b/k/'", "42701"),
        ("CREATE EXTERNAL TABLE {s}.x (\"$path\" INT) STORED AS PARQUET LOCATION 's3://b/k/'", "42939"),
        ("CREATE EXTERNAL TABLE {s}.x (a INT) STORED AS PARQUET LOCATION '/tmp'", "42601"),
        (f"{_PLAIN} TABLE PROPERTIES ('skip.header.line.count'='1')", "0A000"),
        ("CREATE EXTERNAL TABLE x (a INT) STORED AS PARQUET LOCATION 's3://b/k/'", "3F000"),
        ("CREATE EXTERNAL TABLE {s}.x STORED AS PARQUET LOCATION 's3://b/k/' AS SELECT 1", "0A000"),
        ("CREATE EXTERNAL SCHEMA y FROM HIVE METASTORE DATABASE 'd' IAM_ROLE default", "0A000"),
        ("CREATE TABLE {s}.local (a INT)", "0A000"),
        ("INSERT INTO {s}.sales SELECT 1, 'a', 'b', CURRENT_DATE", "0A000"),
        ("DELETE FROM {s}.sales", "0A000"),
        ("TRUNCATE {s}.sales", "0A000"),
        ("ALTER TABLE {s}.sales ADD COLUMN x INT DEFAULT 1", "0A000"),
        ("ALTER TABLE {s}.sales ADD COLUMN x INT NOT NULL", "0A000"),
        ("ALTER TABLE {s}.sales ADD COLUMN x INT NULL", "0A000"),
        ("ALTER TABLE {s}.sales ADD COLUMN x INT ENCODE zstd", "0A000"),
        ("ALTER TABLE {s}.sales ADD COLUMN x TIMESTAMPTZ", "0A000"),
        ('ALTER TABLE {s}.sales ADD COLUMN "$size" BIGINT', "42939"),
        ("ALTER TABLE {s}.sales ADD COLUMN day DATE", "42701"),
        ("CREATE VIEW public.v AS SELECT * FROM {s}.sales", "0A000"),
        ("DROP SCHEMA public DROP EXTERNAL DATABASE", "0A000"),
    ],
)
def test_refusals(sql: Any, sales: str, spectrum: str, statement: str, state: str) -> None:
    assert refusal(sql, statement.format(s=spectrum)) == state


def test_what_goes_on_around_a_scan(lake_server: RunningServer, lake: Lake, sql: Any, sales: str) -> None:
    """UNLOAD reads external tables, EXPLAIN does not; a LIMIT ends a scan early; a block goes on after one."""
    path = lake.url("unloaded/")
    sql.execute(f"UNLOAD ('SELECT id FROM {sales} ORDER BY id') TO '{path}' IAM_ROLE '{WRITER}' PARALLEL OFF")
    assert lake.read("unloaded/000") == b"1\n2\n3\n4\n5\n"
    count = "SELECT COUNT(*) FROM svl_s3query_summary WHERE query = pg_last_query_id()"
    assert len(rows(sql, f"SELECT id FROM {sales} LIMIT 1")) == 1
    assert rows(sql, count) == [(1,)]
    before = rows(sql, "SELECT pg_last_query_id()")
    sql.execute(f"EXPLAIN SELECT id FROM {sales}")
    assert rows(sql, "SELECT pg_last_query_id()") == before
    connection = open_connection(lake_server)
    cursor = connection.cursor()
    for _ in range(2):
        assert rows(cursor, f"SELECT COUNT(*) FROM {sales}") == [(5,)]
    connection.commit()
    connection.close()


@pytest.mark.parametrize("end", [RunningServer.stop, RunningServer.kill])
def test_the_catalog_survives_the_server(
    lake: Lake, lake_options: LaunchOptions, tmp_path: Path, end: Callable[[RunningServer], Any]
) -> None:
    """A clean stop and kill -9 alike: nothing of what was acknowledged is lost, the history included."""
    lake.put("kept/p=1/a.parquet", parquet(a=pa.array([1], pa.int32())))
    with launch(tmp_path, lake_options) as server:
        connection = open_connection(server)
        connection.autocommit = True
        cursor = connection.cursor()
        cursor.execute(schema_statement("kept"))
        cursor.execute(
            "CREATE EXTERNAL TABLE kept.t (a INT) PARTITIONED BY (p INT) STORED AS PARQUET"
            f" LOCATION '{lake.url('kept/')}'"
        )
        cursor.execute(f"ALTER TABLE kept.t ADD PARTITION (p=1) LOCATION '{lake.url('kept/p=1/')}'")
        assert rows(cursor, "SELECT a, p FROM kept.t") == [(1, 1)]
        connection.close()
        end(server)
    with launch(tmp_path, lake_options) as server:
        connection = open_connection(server)
        assert rows(connection.cursor(), "SELECT a, p FROM kept.t") == [(1, 1)]
        assert rows(connection.cursor(), "SELECT COUNT(*) FROM svl_s3query_summary") == [(2,)]
        connection.close()
