"""The external tables of the lakehouse, held against the streams, and read as Delta tables are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

import deltalake
import pyarrow as pa
import pytest
from click.testing import CliRunner

from tests.pipeline.hours import Roles
from weblogs_platform.clients.lake import Lake
from weblogs_platform.clients.warehouse import Warehouse
from weblogs_platform.commands.init import init
from weblogs_platform.core.errors import InvalidName
from weblogs_platform.core.lake_statements import LAKE_SCHEMA, AddLakePartitions, LakeDdl
from weblogs_platform.core.partitions import LandingHour
from weblogs_platform.core.spec import StreamSpec
from weblogs_platform.local.endpoints import Endpoints
from weblogs_platform.pipeline.lake_tables import create_lake_tables, show_hours
from weblogs_platform.settings import PROJECT_ROOT
from weblogs_platform.streams import INVENTORY, STREAMS

_TYPES = {"int": "INTEGER", "double": "DOUBLE PRECISION"}
HOUR = LandingHour.from_argument("2025-07-20T05")


@pytest.fixture(scope="module")
def lakehouse(lake: Lake, warehouse: Warehouse) -> str:
    """Its URL, with every external table created."""
    url = lake.url("lakehouse")
    create_lake_tables(warehouse, url)
    return url


def test_the_external_tables_can_be_created_again(warehouse: Warehouse, lakehouse: str) -> None:
    """A second `weblogs init --lake` fails on what the first one made."""
    assert create_lake_tables(warehouse, lakehouse) == ["sql/ddl/spectrum/01_shopware_lake_schema.sql"]


@pytest.mark.usefixtures("lakehouse")
def test_init_creates_them_when_it_is_told_to(
    monkeypatch: pytest.MonkeyPatch, warehouse_stack: Endpoints
) -> None:
    """The option does nothing, or everybody needs a data catalog."""
    for name, value in warehouse_stack.platform_variables().items():
        monkeypatch.setenv(name, value)
    for arguments, expected in ((["--lake"], True), ([], False)):
        result = CliRunner().invoke(init, arguments, catch_exceptions=False)
        assert result.exit_code == 0
        assert ("sql/ddl/spectrum/01_shopware_lake_schema.sql" in result.output) is expected


@pytest.mark.parametrize("spec", STREAMS, ids=[spec.name for spec in STREAMS])
def test_the_external_tables_have_the_streams_columns(
    warehouse: Warehouse, lakehouse: str, spec: StreamSpec
) -> None:
    """A column is added to a stream, its table and its Delta table, and Spectrum does not show it."""
    sql = (
        "SELECT columnname, external_type, part_key FROM svv_external_columns"
        " WHERE schemaname = %s AND tablename = %s ORDER BY columnnum"
    )
    with warehouse.transaction() as tx:
        rows = tx.fetch_all(sql, (LAKE_SCHEMA, spec.table))
        ((location,),) = tx.fetch_all(
            "SELECT location FROM svv_external_tables WHERE schemaname = %s AND tablename = %s",
            (LAKE_SCHEMA, spec.table),
        )
    stamps = [("landing_hour", "TIMESTAMP", 0), ("event_at", "TIMESTAMP", 0)]
    partitions = [("landing_date", "DATE", 1), ("landing_hour_of_day", "VARCHAR(2)", 2)]
    fields = [(f.column, f.type.ddl.replace(", ", ","), 0) for f in spec.fields]
    assert [(name, _TYPES.get(kind, kind.upper()), key) for name, kind, key in rows] == [
        *fields,
        *stamps,
        *partitions,
    ]
    assert location == f"{lakehouse}/{spec.name}/_symlink_format_manifest"


def test_the_external_tables_have_types_that_aws_documents() -> None:
    """FLOAT is 8 bytes in a table of Redshift, 4 in a data catalog, and not in the list of CREATE EXTERNAL TABLE."""
    documented = {
        "SMALLINT", "INT2", "INTEGER", "INT", "INT4", "BIGINT", "INT8", "DECIMAL", "NUMERIC", "REAL", "FLOAT4",
        "DOUBLE PRECISION", "FLOAT8", "BOOLEAN", "BOOL", "CHAR", "VARCHAR", "DATE", "TIMESTAMP",
    }  # fmt: skip
    for spec in STREAMS:
        [path] = (PROJECT_ROOT / "sql" / "ddl" / "spectrum").glob(f"*_{spec.table}.sql")
        types = re.findall(r"^    \w+ +([A-Z][A-Z0-9 ]+)", path.read_text(encoding="utf-8"), re.MULTILINE)
        assert len(types) == len(spec.fields) + 2
        assert set(types) <= documented


@pytest.fixture
def written(warehouse_stack: Endpoints, roles: Roles, lakehouse: str) -> Iterator[None]:
    """Two hours of inventory as a Delta table with manifests, removed afterwards."""
    keys = warehouse_stack.keys["admin"]
    options = {
        "AWS_ENDPOINT_URL": warehouse_stack.s3_url, "AWS_ACCESS_KEY_ID": keys.access_key,
        "AWS_SECRET_ACCESS_KEY": keys.secret_key, "AWS_REGION": warehouse_stack.region,
        "AWS_ALLOW_HTTP": "true", "aws_conditional_put": "etag",
    }  # fmt: skip
    starts = [HOUR.start, HOUR.start + timedelta(hours=1)]
    moment = pa.timestamp("us", tz="UTC")
    table = pa.table(
        {
            "inventory_id": ["i-1", "i-2"],
            "product_id": pa.array([1, 2], pa.int32()),
            "stock_level": pa.array([10, 20], pa.int32()),
            "record_number": pa.array([1, 1], pa.int64()),
            "landing_hour": pa.array(starts, moment),
            "event_at": pa.array(starts, moment),
            "landing_date": pa.array([start.date() for start in starts]),
            "landing_hour_of_day": [f"{start:%H}" for start in starts],
        }
    )
    url = f"{lakehouse}/{INVENTORY.name}"
    by = ["landing_date", "landing_hour_of_day"]
    deltalake.write_deltalake(url, table, partition_by=by, storage_options=options)
    deltalake.DeltaTable(url, storage_options=options).generate()
    yield
    listed = roles.admin.list_objects_v2(Bucket=roles.bucket, Prefix=f"lakehouse/{INVENTORY.name}/")
    for item in listed["Contents"]:
        roles.admin.delete_object(Bucket=roles.bucket, Key=item["Key"])


@pytest.mark.usefixtures("written")
def test_an_hour_of_the_lakehouse_is_read_by_its_partition(warehouse: Warehouse, lakehouse: str) -> None:
    """The folders that deltalake writes are not those that partitions are added with, or the role may not read."""
    hours = [HOUR, LandingHour(HOUR.start + timedelta(hours=1))]
    for _ in range(2):
        show_hours(warehouse, INVENTORY, lakehouse, hours)
    query = (
        "SELECT inventory_id, stock_level, landing_hour FROM shopware_lake.inventory_records"
        " WHERE landing_date = '2025-07-20' AND landing_hour_of_day = '05'"
    )
    detail = (
        "SELECT total_partitions, qualified_partitions, scanned_files FROM sys_external_query_detail"
        " WHERE query_id = pg_last_query_id()"
    )
    with warehouse.transaction() as tx:
        assert tx.fetch_all(query) == [("i-1", 10, HOUR.start.replace(tzinfo=None))]
        assert tx.fetch_all(detail) == [(2, 1, 1)]


def test_what_cannot_be_rendered_is_refused() -> None:
    """A quote in a setting ends the statement's own, or a place stays unfilled."""
    for text, role in (("${role}", "arn'; DROP"), ("${other}", "arn:x")):
        with pytest.raises(InvalidName):
            LakeDdl(text, "s3://b/lakehouse", role).sql()
    with pytest.raises(InvalidName, match="1 to 100"):
        AddLakePartitions(INVENTORY, "s3://b/lakehouse", [HOUR] * 101).sql()
