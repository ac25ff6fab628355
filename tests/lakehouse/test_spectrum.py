"""Copied hours as external tables show them: without anybody's help, and the files of now."""

from __future__ import annotations

import signal
from collections.abc import Sequence

import pytest
from click.testing import CliRunner
from deltalake import DeltaTable, write_deltalake

from tests.lakehouse.test_copy import copied, copy, copy_twice, delta, files
from tests.lakehouse.test_kills import Start, start
from tests.pipeline.hours import Hour, in_order
from tests.pipeline.records import Row
from weblogs_platform.clients.lakehouse import CopiedTable, Lakehouse, batch_of
from weblogs_platform.clients.warehouse import Warehouse
from weblogs_platform.commands.init import init
from weblogs_platform.core.lake_statements import LAKE_SCHEMA
from weblogs_platform.core.lakehouse import partition_folder, partition_predicate
from weblogs_platform.core.partitions import LandingHour
from weblogs_platform.local.endpoints import Endpoints
from weblogs_platform.pipeline import lakehouse as copying
from weblogs_platform.pipeline.lake_tables import create_lake_tables

__all__ = ["start"]


@pytest.fixture
def external(warehouse: Warehouse, lakehouse: Lakehouse) -> None:
    create_lake_tables(warehouse, lakehouse.lake.url("lakehouse"))


def shown(hour: Hour) -> list[Row]:
    """The hour's rows as Spectrum reads them."""
    columns = ", ".join(f.column for f in hour.spec.fields)
    query = f"SELECT {columns} FROM {LAKE_SCHEMA}.{hour.spec.table} WHERE {partition_predicate(hour.hour)}"
    with hour.warehouse.transaction() as tx:
        return in_order(tx.fetch_all(query))


@pytest.mark.usefixtures("external")
def test_a_copied_hour_is_shown_and_stays_up_to_date(hour: Hour, lakehouse: Lakehouse):
    """Somebody has to add each hour to the external table by hand, or it shows the hour as it once was."""
    hour.drop_records("a", 1, 2)
    hour.run()
    copy(lakehouse, hour)
    assert len(shown(hour)) == 2
    hour.drop_records("late", 3)
    hour.run()
    copy(lakehouse, hour)
    assert shown(hour) == hour.rows()
    assert len(shown(hour)) == 3


@pytest.mark.usefixtures("external")
def test_an_hour_whose_copy_was_killed_before_it_was_shown_is_shown_by_the_next(
    hour: Hour, lakehouse: Lakehouse, start: Start
):
    """The copy is there and noted, and no run ever adds its partition."""
    hour.drop_records("a", 1, 2)
    hour.run()
    process = start(WEBLOGS_FAILPOINT="lakehouse:manifest_published")
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert (len(copied(lakehouse, hour)), shown(hour)) == (2, [])
    assert copy(lakehouse, hour).action == "nothing"
    assert shown(hour) == hour.rows()


def test_init_shows_what_was_copied_before_there_were_tables(
    hour: Hour, lakehouse: Lakehouse, warehouse_stack: Endpoints, monkeypatch: pytest.MonkeyPatch
):
    """External tables that are asked for later show only what comes after them."""
    hour.drop_records("a", 1, 2)
    hour.run()
    with monkeypatch.context() as patched:
        patched.setattr(copying, "show_hours", lambda *_: None)
        copy(lakehouse, hour)
    for name, value in warehouse_stack.platform_variables().items():
        monkeypatch.setenv(name, value)
    for _ in range(2):
        result = CliRunner().invoke(init, ["--lake"], catch_exceptions=False)
        assert result.exit_code == 0, result.output
        assert f"{LAKE_SCHEMA}.{hour.spec.table}: " in result.output
        assert shown(hour) == hour.rows() != []


@pytest.mark.usefixtures("external")
def test_compaction_leaves_one_file_and_the_same_rows(hour: Hour, lakehouse: Lakehouse):
    """What puts an hour's files together loses rows, or leaves Spectrum with files that are gone."""
    hour.drop_records("a", 1, 2)
    hour.run()
    copy(lakehouse, hour)
    at = hour.hour.start.replace(tzinfo=None)
    for n in range(3):
        more = batch_of(hour.spec, hour.hour, [(f"more {n}", "Edge", None, None, "u", "s", at, 1.5, at, at)])
        write_deltalake(delta(lakehouse, hour), more, mode="append")
    before = copied(lakehouse, hour)
    assert (len(before), len(files(lakehouse, hour))) == (5, 4)
    maintained = lakehouse.open(hour.spec).maintain()
    assert maintained.files_put_together >= 4
    assert len(files(lakehouse, hour)) == 1
    assert copied(lakehouse, hour) == before == shown(hour)


@pytest.mark.usefixtures("external")
def test_vacuum_removes_what_nobody_reads_and_nothing_else(hour: Hour, lakehouse: Lakehouse):
    """Files of replaced rows, or of killed writers, stay for ever; or a file, a manifest or the log goes too early."""
    prefix = f"lakehouse/{hour.spec.name}/{partition_folder(hour.hour)}/"
    copy_twice(lakehouse, hour)
    orphan = f"{prefix}part-00000-killed.zstd.parquet"
    hour.lake.put(orphan, b"written, and never committed")
    assert len(hour.lake.list_prefix(prefix)) == 3
    assert lakehouse.open(hour.spec).maintain().files_removed == 0  # a week has to pass
    assert lakehouse.open(hour.spec).maintain(retention_hours=0).files_removed >= 2
    assert [o.key.rpartition("/")[2] for o in hour.lake.list_prefix(prefix)] == [
        uri.rpartition("/")[2] for uri in files(lakehouse, hour)
    ]
    assert copied(lakehouse, hour) == shown(hour) == hour.rows()
    assert copy(lakehouse, hour).action == "nothing"


@pytest.mark.usefixtures("external")
def test_an_hour_that_was_emptied_stays_empty_after_maintenance(hour: Hour, lakehouse: Lakehouse):
    """Its manifest names the files of before, or none, and either fails every query over the hour."""
    hour.drop_records("a", 1, 2)
    hour.run()
    copy(lakehouse, hour)
    hour.drop("a", b"not a record")
    hour.run()
    copy(lakehouse, hour)
    assert shown(hour) == []
    lakehouse.open(hour.spec).maintain(retention_hours=0)
    assert shown(hour) == []
    hour.drop_records("a", 5)
    hour.run()
    copy(lakehouse, hour)
    assert shown(hour) == hour.rows() != []


@pytest.mark.usefixtures("external")
@pytest.mark.parametrize("emptied", [True, False])
def test_a_slow_writer_never_publishes_what_is_older(
    hour: Hour, lakehouse: Lakehouse, monkeypatch: pytest.MonkeyPatch, emptied: bool
):
    """Two copies commit one after the other and publish the other way round: Spectrum shows the first one's rows."""
    hour.drop_records("a", 1, 2)
    hour.run()
    whole, overtaken = CopiedTable.publish_manifest, False

    def overtake(table: CopiedTable, of: LandingHour, files: Sequence[str]) -> None:
        nonlocal overtaken
        if not overtaken:
            overtaken = True
            if emptied:
                hour.drop("a", b"not a record")
            else:
                hour.drop_records("late", 3)
            hour.run()
            assert copy(lakehouse, hour).action == "written"
        whole(table, of, files)

    with monkeypatch.context() as patched:
        patched.setattr(CopiedTable, "publish_manifest", overtake)
        copy(lakehouse, hour)
    assert overtaken
    assert shown(hour) == hour.rows()
    assert len(shown(hour)) == (0 if emptied else 3)


@pytest.mark.usefixtures("external")
def test_maintenance_never_publishes_what_is_older(
    hour: Hour, lakehouse: Lakehouse, monkeypatch: pytest.MonkeyPatch
):
    """An hour is copied while maintenance writes the manifests of the version that it began with."""
    hour.drop_records("a", 1, 2)
    hour.run()
    copy(lakehouse, hour)
    whole, calls = DeltaTable.generate, 0

    def overtaken(table: DeltaTable) -> None:
        nonlocal calls
        calls += 1
        if calls == 1:
            hour.drop_records("late", 3)
            hour.run()
            copy(lakehouse, hour)
        whole(table)

    monkeypatch.setattr(DeltaTable, "generate", overtaken)
    lakehouse.open(hour.spec).maintain()
    assert calls == 2
    assert shown(hour) == hour.rows()
    assert len(shown(hour)) == 3
