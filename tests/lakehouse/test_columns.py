"""A stream that gains a column: its copy and its external table follow, and nothing is lost or doubled."""

from __future__ import annotations

import itertools
import re
import signal
from collections import Counter
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from deltalake import DeltaTable, write_deltalake
from deltalake.table import TableAlterer

from tests.lakehouse.test_kills import Start, start
from tests.lakehouse.widening import PREFIX, narrow, wide, with_whole_amounts, without_amount
from tests.pipeline.hours import Hour, Roles, in_order
from weblogs_platform import streams
from weblogs_platform.clients.lakehouse import Lakehouse, batch_of
from weblogs_platform.clients.warehouse import Warehouse
from weblogs_platform.commands.init import init
from weblogs_platform.core.errors import InvalidDocument, LakehouseConflict
from weblogs_platform.core.lake_statements import LAKE_SCHEMA, AddLakeColumn, LakeDdl
from weblogs_platform.core.lakehouse import partition_predicate
from weblogs_platform.core.partitions import LandingHour
from weblogs_platform.core.spec import StreamSpec
from weblogs_platform.local.endpoints import Endpoints
from weblogs_platform.pipeline.lake_tables import add_lake_columns
from weblogs_platform.pipeline.lakehouse import CopyOutcome, compare_hour, copy_hour, stale_hours
from weblogs_platform.settings import PROJECT_ROOT

__all__ = ["start"]

FIRST, SECOND = (LandingHour.from_argument(f"2025-07-20T0{n}") for n in (5, 6))
_NUMBERS = itertools.count(1)
_LEDGER = (
    "INSERT INTO shopware_ops.load_history (stream, landing_hour, object_key, etag, size_bytes, records, loaded, "
    "quarantined, duplicates_dropped, truncated_values, rules) VALUES (%s, CAST(%s AS TIMESTAMP), 'k', 'e', 1, 1, 1, "
    "0, 0, 0, 'r')"
)


def run(warehouse: Warehouse, *statements: str) -> None:
    with warehouse.transaction() as tx:
        for statement in statements:
            tx.execute(statement)


def put(warehouse: Warehouse, spec: StreamSpec, hour: LandingHour, **values: object) -> None:
    """A row of the stream table, and its line in the ledger."""
    names = ", ".join(values)
    marks = ", ".join(["%s"] * len(values))
    with warehouse.transaction() as tx:
        tx.execute(
            f"INSERT INTO {spec.qualified_table} ({names}, landing_hour, event_at) "
            f"VALUES ({marks}, CAST(%s AS TIMESTAMP), CAST(%s AS TIMESTAMP))",
            (*values.values(), hour.sql, hour.sql),
        )
        tx.execute(_LEDGER, (spec.name, hour.sql))


def create_external(warehouse: Warehouse, lakehouse: Lakehouse, spec: StreamSpec) -> None:
    """The stream's external table, as the DDL of web logs has it, with the stream's columns."""
    folder = PROJECT_ROOT / "sql" / "ddl" / "spectrum"
    fields = "".join(f"{f.column} {f.type.ddl}, " for f in spec.fields)
    text = (folder / "20_web_logs_stream.sql").read_text(encoding="utf-8")
    text = text.replace("web_logs_stream", spec.table).replace("/web_logs/", f"/{spec.name}/")
    text = re.sub(r"\(\n.*?(?=landing_hour )", f"({fields}", text, flags=re.DOTALL)
    schema = (folder / "01_shopware_lake_schema.sql").read_text(encoding="utf-8")
    with warehouse.outside_transactions() as statements:
        for statement in (schema, text):
            statements.execute(LakeDdl(statement, lakehouse.lake.url("lakehouse"), warehouse.copy_role_arn))


@pytest.fixture
def name(warehouse: Warehouse, lakehouse: Lakehouse) -> str:
    """A stream with a table, an external table, and an hour that was copied before it gained columns."""
    spec = narrow(f"{PREFIX}_{next(_NUMBERS)}")
    run(
        warehouse,
        f"CREATE TABLE {spec.qualified_table} "
        "(page VARCHAR(50), amount FLOAT, landing_hour TIMESTAMP NOT NULL, event_at TIMESTAMP NOT NULL)",
    )
    create_external(warehouse, lakehouse, spec)
    put(warehouse, spec, FIRST, page="old", amount=1.5)
    assert copy(lakehouse, warehouse, spec, FIRST).action == "written"
    return spec.name


@pytest.fixture
def gained(warehouse: Warehouse, name: str) -> StreamSpec:
    """The stream with its new columns, which its table has."""
    spec = wide(name)
    for column in ("country VARCHAR(20)", "clicks INTEGER"):
        run(warehouse, f"ALTER TABLE {spec.qualified_table} ADD COLUMN {column}")
    return spec


def copy(lakehouse: Lakehouse, warehouse: Warehouse, spec: StreamSpec, hour: LandingHour) -> CopyOutcome:
    return copy_hour(lakehouse, warehouse, spec, hour, run_id="test")


def by_delta(lakehouse: Lakehouse, spec: StreamSpec) -> list[tuple[Any, ...]]:
    """Every row as anybody reads the Delta table, in the order of the spec's fields."""
    rows = delta(lakehouse, spec).to_pyarrow_table().to_pylist()
    return in_order([tuple(row[f.column] for f in spec.fields) for row in rows])


def by_spectrum(warehouse: Warehouse, spec: StreamSpec) -> list[tuple[Any, ...]]:
    columns = ", ".join(f.column for f in spec.fields)
    with warehouse.transaction() as tx:
        return in_order(tx.fetch_all(f"SELECT {columns} FROM {LAKE_SCHEMA}.{spec.table}"))


def delta(lakehouse: Lakehouse, spec: StreamSpec) -> DeltaTable:
    return DeltaTable(lakehouse.lake.url(f"lakehouse/{spec.name}"), storage_options=dict(lakehouse.storage()))


def operations(lakehouse: Lakehouse, spec: StreamSpec) -> Counter[str]:
    return Counter(entry["operation"] for entry in delta(lakehouse, spec).history())


def external_columns(warehouse: Warehouse, spec: StreamSpec) -> list[str]:
    query = (
        "SELECT columnname FROM svv_external_columns WHERE schemaname = %s AND tablename = %s AND part_key = 0 "
        "ORDER BY columnnum"
    )
    with warehouse.transaction() as tx:
        return [column for (column,) in tx.fetch_all(query, (LAKE_SCHEMA, spec.table))]


def test_copy_and_external_table_follow(gained: StreamSpec, warehouse: Warehouse, lakehouse: Lakehouse):
    """The copy refuses every hour from then on, or Spectrum never shows the column."""
    put(warehouse, gained, SECOND, page="new", country="DE", amount=2.5, clicks=7)
    outcome = copy(lakehouse, warehouse, gained, SECOND)
    assert (outcome.action, outcome.agreement.differences) == ("written", ())
    assert by_spectrum(warehouse, narrow(gained.name)) == [("new", 2.5), ("old", 1.5)]
    added = [f"{LAKE_SCHEMA}.{gained.table}: added {column}" for column in ("country", "clicks")]
    assert add_lake_columns(warehouse, gained) == added
    assert add_lake_columns(warehouse, gained) == []
    rows = [("new", "DE", 2.5, 7), ("old", None, 1.5, None)]
    assert by_delta(lakehouse, gained) == by_spectrum(warehouse, gained) == rows
    for hour in (FIRST, SECOND):
        assert compare_hour(lakehouse, warehouse, gained, hour).differences == ()
    assert operations(lakehouse, gained)["ADD COLUMN"] == 1


def test_init_adds_it_to_the_external_table(
    gained: StreamSpec, warehouse: Warehouse, warehouse_stack: Endpoints, monkeypatch: pytest.MonkeyPatch
):
    for variable, value in warehouse_stack.platform_variables().items():
        monkeypatch.setenv(variable, value)
    monkeypatch.setattr(streams, "STREAMS", (gained,))
    for expected in (True, False):
        result = CliRunner().invoke(init, ["--lake"], catch_exceptions=False)
        assert (f"{gained.table}: added country" in result.output) is expected
        assert f"{gained.table}: 1 hours" in result.output
    assert by_spectrum(warehouse, gained) == [("old", None, 1.5, None)]


def test_two_inits_at_once_add_it_once(
    gained: StreamSpec, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
):
    """The one that comes second fails on what the first has done."""
    whole, seen = AddLakeColumn.sql, []

    def overtaken(statement: AddLakeColumn) -> str:
        seen.append(statement.column.name)
        if seen == ["country"]:
            assert len(add_lake_columns(warehouse, gained)) == 2
        return whole(statement)

    monkeypatch.setattr(AddLakeColumn, "sql", overtaken)
    assert add_lake_columns(warehouse, gained) == []
    assert seen == ["country", "country", "clicks", "clicks"]
    assert Counter(external_columns(warehouse, gained))["country"] == 1


def test_files_and_external_table_have_one_order(
    gained: StreamSpec, warehouse: Warehouse, lakehouse: Lakehouse, roles: Roles
):
    """A reader that goes by position takes one column for another."""
    put(warehouse, gained, SECOND, page="new", clicks=7)
    copy(lakehouse, warehouse, gained, SECOND)
    add_lake_columns(warehouse, gained)
    table, columns = delta(lakehouse, gained), external_columns(warehouse, gained)
    assert columns == ["page", "amount", "landing_hour", "event_at", "country", "clicks"]
    for hour, found in ((FIRST, columns[:4]), (SECOND, columns)):
        [uri] = table.file_uris(file_pruning_predicate=partition_predicate(hour))
        key = uri.removeprefix(f"s3://{roles.bucket}/")
        body = roles.admin.get_object(Bucket=roles.bucket, Key=key)["Body"].read()
        assert pq.read_schema(pa.BufferReader(body)).names == found


def test_an_hour_of_before_is_copied_again_and_compacted(
    gained: StreamSpec, warehouse: Warehouse, lakehouse: Lakehouse
):
    """Files without the column and files with it cannot be put together, or its values are lost in that."""
    add_lake_columns(warehouse, gained)
    table = lakehouse.open(gained)
    at = FIRST.start.replace(tzinfo=None)
    more = batch_of(gained, FIRST, [("more", "FR", 3.5, 9, at, at)])
    write_deltalake(table.table, more.select([f.name for f in table.table.schema().fields]), mode="append")
    maintained = lakehouse.open(gained).maintain(retention_hours=0)
    assert (maintained.files_put_together, maintained.files) == (2, 1)
    rows = [("more", "FR", 3.5, 9), ("old", None, 1.5, None)]
    assert by_delta(lakehouse, gained) == by_spectrum(warehouse, gained) == rows
    put(warehouse, gained, FIRST, page="late", country="AT", clicks=1)
    outcome = copy(lakehouse, warehouse, gained, FIRST)
    assert (outcome.action, outcome.agreement.differences) == ("written", ())
    rows = [("late", "AT", None, 1), ("old", None, 1.5, None)]
    assert by_delta(lakehouse, gained) == by_spectrum(warehouse, gained) == rows


def test_two_that_add_it_at_once_add_it_once(
    gained: StreamSpec, lakehouse: Lakehouse, monkeypatch: pytest.MonkeyPatch
):
    whole = TableAlterer.add_columns

    def overtaken(*arguments: Any, **more: Any) -> None:
        with monkeypatch.context() as patched:
            patched.setattr(TableAlterer, "add_columns", whole)
            lakehouse.open(gained)
        whole(*arguments, **more)

    with monkeypatch.context() as patched:
        patched.setattr(TableAlterer, "add_columns", overtaken)
        with pytest.raises(LakehouseConflict):  # Transient: the run tries again
            lakehouse.open(gained)
    lakehouse.open(gained)
    assert operations(lakehouse, gained)["ADD COLUMN"] == 1


def test_a_slow_writer_without_the_column_changes_nothing(gained: StreamSpec, lakehouse: Lakehouse):
    """It opened the table before the column came, and commits after it."""
    old = narrow(gained.name)
    slow, at = lakehouse.open(old), FIRST.start.replace(tzinfo=None)
    lakehouse.open(gained)
    with pytest.raises(LakehouseConflict):
        slow.replace_hour(FIRST, 9, [batch_of(old, FIRST, [("slow", 0.5, at, at)])])
    assert by_delta(lakehouse, gained) == [("old", None, 1.5, None)]


def test_an_hour_that_is_written_meanwhile_keeps_its_rows(
    gained: StreamSpec, lakehouse: Lakehouse, monkeypatch: pytest.MonkeyPatch
):
    """The column comes with the table of before, and the hour is gone."""
    old, at = narrow(gained.name), SECOND.start.replace(tzinfo=None)
    whole = TableAlterer.add_columns

    def overtaken(*arguments: Any, **more: Any) -> None:
        lakehouse.open(old).replace_hour(SECOND, 1, [batch_of(old, SECOND, [("between", 0.5, at, at)])])
        whole(*arguments, **more)

    monkeypatch.setattr(TableAlterer, "add_columns", overtaken)
    assert lakehouse.open(gained).state_of(SECOND) == 1
    assert by_delta(lakehouse, gained) == [("between", None, 0.5, None), ("old", None, 1.5, None)]


@pytest.mark.parametrize("place", ["opened", "committed"])
def test_a_copy_that_is_killed_after_it_added_the_column_is_made_good(
    gained: StreamSpec, warehouse: Warehouse, lakehouse: Lakehouse, hour: Hour, start: Start, place: str
):
    """The column comes twice, or the hour does."""
    put(warehouse, gained, SECOND, page="new", country="DE", clicks=7)
    process = start(gained.name, SECOND, WEBLOGS_FAILPOINT=f"lakehouse:{place}")
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert operations(lakehouse, gained)["ADD COLUMN"] == 1
    assert copy(lakehouse, warehouse, gained, SECOND).agreement.differences == ()
    assert by_delta(lakehouse, gained) == [("new", "DE", None, 7), ("old", None, 1.5, None)]
    assert operations(lakehouse, gained)["ADD COLUMN"] == 1


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (without_amount, "amount is in it and not in the stream"),
        (with_whole_amounts, "amount is double in it and int(eger)? in the stream"),
    ],
)
def test_a_column_that_went_or_changed_is_refused_by_name(
    name: str, warehouse: Warehouse, lakehouse: Lakehouse, other: Any, said: str
):
    """Its values are lost without a word; or nobody is told which column it is."""
    with pytest.raises(InvalidDocument, match=f"lakehouse/{name} has other columns .*: {said}"):
        lakehouse.open(other(name))
    with pytest.raises(InvalidDocument, match=f"{name}_stream has other columns .*: {said}"):
        add_lake_columns(warehouse, other(name))
    assert by_delta(lakehouse, narrow(name)) == by_spectrum(warehouse, narrow(name)) == [("old", 1.5)]


def test_what_the_refusal_says_to_do_works(
    name: str, warehouse: Warehouse, lakehouse: Lakehouse, roles: Roles
):
    spec = without_amount(name)
    run(warehouse, f"ALTER TABLE {spec.qualified_table} DROP COLUMN amount")
    with pytest.raises(InvalidDocument) as refused:
        copy(lakehouse, warehouse, spec, FIRST)
    text = str(refused.value)
    [folder] = re.findall(r"delete the folder (\S+/) of the bucket", text)
    [notes] = re.findall(r"run (DELETE FROM .*?);", text)
    [drop] = re.findall(r"run (DROP TABLE .*?);", text)
    for item in lakehouse.lake.list_prefix(folder):
        roles.admin.delete_object(Bucket=roles.bucket, Key=item.key)
    run(warehouse, notes)
    with warehouse.outside_transactions() as statements:
        statements.execute(drop)
    create_external(warehouse, lakehouse, spec)  # as `weblogs init --lake` does for a declared stream
    assert add_lake_columns(warehouse, spec) == []
    assert stale_hours(warehouse, spec, FIRST, SECOND) == [FIRST]
    assert copy(lakehouse, warehouse, spec, FIRST).agreement.differences == ()
    assert by_delta(lakehouse, spec) == by_spectrum(warehouse, spec) == [("old",)]
