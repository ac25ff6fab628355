"""The copy of an hour over the wire: what the stream table holds, exactly once, whoever writes and whenever."""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from deltalake import DeltaTable

from tests.pipeline.hours import Hour, each_stream, in_order
from tests.pipeline.records import encoded, record
from weblogs_platform.clients.lakehouse import Lakehouse, batch_of
from weblogs_platform.core.errors import LakehouseAhead, LakehouseConflict
from weblogs_platform.core.lakehouse import copied_columns, partition_folder, partition_predicate
from weblogs_platform.core.partitions import LandingHour
from weblogs_platform.core.quarantine import Edit, Place
from weblogs_platform.pipeline import lakehouse as copying
from weblogs_platform.pipeline.lakehouse import compare_hour, copy_hour, stale_hours
from weblogs_platform.pipeline.replay import Replay, replay_hour
from weblogs_platform.settings import PROJECT_ROOT
from weblogs_platform.streams import POS, STREAMS

RUNBOOK = PROJECT_ROOT / "docs" / "OPERATIONS.md"


def delta(lakehouse: Lakehouse, hour: Hour) -> DeltaTable:
    """The table as anybody else opens it."""
    url = hour.lake.url(f"lakehouse/{hour.spec.name}")
    return DeltaTable(url, storage_options=dict(lakehouse.storage()))


def copied(lakehouse: Lakehouse, hour: Hour) -> list[tuple[Any, ...]]:
    """The hour's rows as DuckDB reads them from the Delta table, in a fixed order."""
    columns = ", ".join(_in_utc(f.column, f.type) for f in hour.spec.fields)
    dataset = delta(lakehouse, hour).to_pyarrow_dataset()
    with duckdb.connect() as connection:
        connection.register("copied", dataset)
        return in_order(
            connection.execute(
                f"SELECT {columns} FROM copied WHERE {partition_predicate(hour.hour)}"
            ).fetchall()
        )


def _in_utc(column: str, declared: object) -> str:
    is_time = type(declared).__name__ == "Timestamp"
    return f"make_timestamp(epoch_us({column})) AS {column}" if is_time else column


def copy(lakehouse: Lakehouse, hour: Hour):
    return copy_hour(lakehouse, hour.warehouse, hour.spec, hour.hour, run_id="test")


def copy_twice(lakehouse: Lakehouse, hour: Hour) -> None:
    """Copies the hour after each of two objects: the first copy's file has left the table."""
    for name in ("a", "b"):
        hour.drop_records(name, 1, 2)
        hour.run()
        copy(lakehouse, hour)


def files(lakehouse: Lakehouse, hour: Hour) -> list[str]:
    """The hour's files in the table as it is now."""
    return delta(lakehouse, hour).file_uris(file_pruning_predicate=partition_predicate(hour.hour))


@each_stream
def test_the_copy_has_the_rows_of_the_table_and_its_types(hour: Hour, lakehouse: Lakehouse):
    """Values are rounded, shifted by a time zone or turned into text on the way."""
    hour.drop_records("a", *range(5))
    hour.run()
    outcome = copy(lakehouse, hour)
    assert (outcome.action, outcome.agreement.differences, outcome.agreement.copy.rows) == ("written", (), 5)
    assert copied(lakehouse, hour) == hour.rows() != []
    table = delta(lakehouse, hour)
    assert table.metadata().partition_columns == ["landing_date", "landing_hour_of_day"]
    assert {f.name for f in table.schema().fields} == {
        *(c.name for c in copied_columns(hour.spec)),
        "landing_date",
        "landing_hour_of_day",
    }
    [file] = table.file_uris(file_pruning_predicate=partition_predicate(hour.hour))
    assert f"/{partition_folder(hour.hour)}/part-" in file
    assert file.endswith(".zstd.parquet")


def test_a_run_again_does_nothing(hour: Hour, lakehouse: Lakehouse):
    """Each run of an hour adds its rows once more, or another version that readers have to load."""
    hour.drop_records("a", 1, 2)
    hour.run()
    first = copy(lakehouse, hour)
    again = copy(lakehouse, hour)
    assert (first.action, again.action) == ("written", "nothing")
    assert first.version == again.version
    assert copied(lakehouse, hour) == hour.rows()


def test_what_changes_in_the_table_makes_the_hour_stale_and_replaces_it(hour: Hour, lakehouse: Lakehouse):
    """A rewritten object, or a late one, stays in the copy as it was."""

    def stale() -> bool:
        return stale_hours(hour.warehouse, hour.spec, hour.hour, hour.hour.plus(1)) == [hour.hour]

    assert not stale()
    key = hour.drop_records("a", 1, 2)
    hour.run()
    assert stale()
    copy(lakehouse, hour)
    assert not stale()
    hour.drop_records("late", 3)
    hour.run()
    assert stale()
    assert copy(lakehouse, hour).agreement.copy.rows == 3
    hour.drop_records(key.rpartition("/")[2], 7)
    hour.run()
    assert stale()
    outcome = copy(lakehouse, hour)
    assert (outcome.action, outcome.agreement.copy.rows) == ("written", 2)
    assert copied(lakehouse, hour) == hour.rows()
    assert not stale()


def test_a_replay_makes_the_hour_stale_and_its_record_is_copied(hour: Hour, lakehouse: Lakehouse):
    """What was repaired is in the warehouse, and never in the lakehouse."""
    hour.drop("a", encoded(record(hour.spec, 1)) + b"\n" + encoded(record(hour.spec, 2, user_id=None)))
    [file] = hour.run()[0].files
    assert copy(lakehouse, hour).agreement.copy.rows == 1
    [entry] = hour.quarantine(file)
    place = Place(entry["object"], entry["etag"], entry["offset"])
    how = Replay(edits={place: Edit(encoded(record(hour.spec, 2)), None)})
    assert replay_hour(hour.lake, hour.warehouse, hour.spec, hour.hour, how, run_id="test").replayed == 1
    assert stale_hours(hour.warehouse, hour.spec, hour.hour, hour.hour.plus(1)) == [hour.hour]
    outcome = copy(lakehouse, hour)
    assert (outcome.action, outcome.agreement.differences) == ("written", ())
    assert copied(lakehouse, hour) == hour.rows()
    assert len(hour.rows()) == 2


def test_an_hour_that_never_loaded_writes_nothing(hour: Hour, lakehouse: Lakehouse):
    before = lakehouse.open(hour.spec).table.version()
    outcome = copy(lakehouse, hour)
    assert (outcome.action, outcome.agreement.copy.rows, outcome.version) == ("nothing", 0, before)


def test_an_hour_whose_rows_are_gone_is_empty_in_the_copy(hour: Hour, lakehouse: Lakehouse):
    """An empty list of batches is taken for nothing to do, and the old rows stay."""
    hour.drop_records("a", 1, 2)
    hour.run()
    copy(lakehouse, hour)
    hour.drop("a", b"not a record")
    hour.run()
    assert hour.rows() == []
    outcome = copy(lakehouse, hour)
    assert (outcome.action, outcome.agreement.differences) == ("written", ())
    assert copied(lakehouse, hour) == []
    manifest = f"lakehouse/{hour.spec.name}/_symlink_format_manifest/{partition_folder(hour.hour)}/manifest"
    assert hour.lake.get(manifest) == b""


def _batches(hour: Hour, marker: str, rows: int) -> list[pa.RecordBatch]:
    at = hour.hour.start.replace(tzinfo=None)
    row = (marker, None, None, None, "u", "s", at, 1.5, at, at)
    return [batch_of(hour.spec, hour.hour, [row] * rows)] if rows else []


@pytest.mark.parametrize(("newer", "older"), [(3, 2), (0, 2), (2, 0), (0, 0)])
@pytest.mark.parametrize("held", [0, 4])
def test_a_stale_writer_never_overwrites_a_newer_state(
    hour: Hour, lakehouse: Lakehouse, held: int, newer: int, older: int
):
    """A slow run commits the rows that it read an hour ago over those of the run that came after it."""
    if held:
        lakehouse.open(hour.spec).replace_hour(hour.hour, 1, _batches(hour, "held", held))
    slow, quick = lakehouse.open(hour.spec), lakehouse.open(hour.spec)
    quick.replace_hour(hour.hour, 3, _batches(hour, "new", newer))
    with pytest.raises(LakehouseConflict):
        slow.replace_hour(hour.hour, 2, _batches(hour, "old", older))
    assert lakehouse.open(hour.spec).state_of(hour.hour) == 3
    assert [row[0] for row in copied(lakehouse, hour)] == ["new"] * newer


def test_writers_of_other_hours_do_not_disturb_each_other(hour: Hour, lakehouse: Lakehouse):
    other = Hour(hour.roles, hour.lake, hour.warehouse, hour.spec, LandingHour.from_argument("2016-05-01T03"))
    slow, quick = lakehouse.open(hour.spec), lakehouse.open(hour.spec)
    quick.replace_hour(other.hour, 1, _batches(other, "other", 2))
    slow.replace_hour(hour.hour, 1, _batches(hour, "mine", 3))
    assert (len(copied(lakehouse, hour)), len(copied(lakehouse, other))) == (3, 2)


def test_a_warehouse_that_was_restored_is_told(hour: Hour, lakehouse: Lakehouse):
    """An older warehouse quietly replaces what the lakehouse has of later loads."""
    hour.drop_records("a", 1)
    hour.run()
    lakehouse.open(hour.spec).replace_hour(hour.hour, 9, _batches(hour, "later", 2))
    with pytest.raises(LakehouseAhead, match="holds state 9, the warehouse is at 1"):
        copy(lakehouse, hour)
    assert len(copied(lakehouse, hour)) == 2


def test_a_copy_that_is_ahead_of_a_lost_ledger_is_written_anew(hour: Hour, lakehouse: Lakehouse):
    """What docs/OPERATIONS.md says: without the notes nobody asks for the copies, without the folder they are refused."""
    key = hour.drop_records("a", 1)
    hour.run()
    hour.drop_records(key.rpartition("/")[2], 1, 2, 3)
    hour.run()
    copy(lakehouse, hour)
    _execute(hour, f"DELETE FROM {hour.spec.qualified_table} WHERE landing_hour = CAST(%s AS TIMESTAMP)")
    _execute(hour, "DELETE FROM shopware_ops.load_history WHERE landing_hour = CAST(%s AS TIMESTAMP)")
    hour.run()
    with pytest.raises(LakehouseAhead):
        copy(lakehouse, hour)
    for item in hour.lake.list_prefix(f"lakehouse/{hour.spec.name}/"):
        hour.remove(item.key)
    [notes] = re.findall(r"DELETE FROM shopware_ops.refresh_history .*;", RUNBOOK.read_text(encoding="utf-8"))
    with hour.warehouse.transaction() as tx:
        tx.execute(notes.rstrip(";"))
    assert stale_hours(hour.warehouse, hour.spec, hour.hour, hour.hour.plus(1)) == [hour.hour]
    assert copy(lakehouse, hour).action == "written"
    assert copied(lakehouse, hour) == hour.rows()
    assert len(hour.rows()) == 3
    assert stale_hours(hour.warehouse, hour.spec, hour.hour, hour.hour.plus(1)) == []


def _execute(hour: Hour, sql: str) -> None:
    with hour.warehouse.transaction() as tx:
        tx.execute(sql, (hour.hour.sql,))


def test_rows_that_were_changed_by_hand_are_seen(hour: Hour, lakehouse: Lakehouse):
    """The comparison counts rows, and two values that changed places are equal to it."""
    hour.drop_records("a", 1, 2, 3)
    hour.run()
    copy(lakehouse, hour)
    swap = (
        f"UPDATE {hour.spec.qualified_table} SET user_id = CASE user_id WHEN '5001' THEN '5002' ELSE '5001' END "
        "WHERE landing_hour = CAST(%s AS TIMESTAMP) AND user_id IN ('5001', '5002')"
    )
    with hour.warehouse.transaction() as tx:
        tx.execute(swap, (hour.hour.sql,))
    found = compare_hour(lakehouse, hour.warehouse, hour.spec, hour.hour)
    assert found.differences == ("the rows differ",)
    with hour.warehouse.transaction() as tx:
        tx.execute(swap, (hour.hour.sql,))
        tx.execute(
            f"UPDATE {hour.spec.qualified_table} SET event_timestamp = event_timestamp + 1 "
            "WHERE landing_hour = CAST(%s AS TIMESTAMP) AND user_id = '5001'",
            (hour.hour.sql,),
        )
    assert compare_hour(lakehouse, hour.warehouse, hour.spec, hour.hour).differences == ("the rows differ",)


def test_a_large_hour_is_read_in_slices(hour: Hour, lakehouse: Lakehouse, monkeypatch: pytest.MonkeyPatch):
    """All rows of an hour in memory at once; or a row in two slices, or in none."""
    monkeypatch.setattr(copying, "SLICE_ROWS", 7)
    hour.drop_records("a", *range(100))
    hour.run()
    sizes: list[int] = []
    whole = copying.batch_of
    monkeypatch.setattr(copying, "batch_of", lambda s, h, rows: sizes.append(len(rows)) or whole(s, h, rows))
    assert copy(lakehouse, hour).agreement.differences == ()
    assert sum(sizes) == 100
    assert len(sizes) > 5
    assert copied(lakehouse, hour) == hour.rows()


def test_a_warehouse_that_fails_while_it_is_read_leaves_the_copy(
    hour: Hour, lakehouse: Lakehouse, monkeypatch: pytest.MonkeyPatch
):
    """An error inside the stream of rows commits what came before it, or comes back without its type."""
    from weblogs_platform.core.errors import WarehouseUnavailable

    hour.drop_records("a", *range(20))
    hour.run()

    def broken(*_: object):
        yield from _batches(hour, "half", 5)
        raise WarehouseUnavailable("gone")

    with monkeypatch.context() as patched:
        patched.setattr(copying, "_batches", broken)
        with pytest.raises(WarehouseUnavailable, match="gone"):
            copy(lakehouse, hour)
    assert copied(lakehouse, hour) == []
    assert copy(lakehouse, hour).action == "written"
    assert copied(lakehouse, hour) == hour.rows()


def test_manifests_name_the_files_of_now_and_maintenance_keeps_them(hour: Hour, lakehouse: Lakehouse):
    """Spectrum reads through a manifest: one of before the last commit shows old rows, or files that are gone."""
    key = f"lakehouse/{hour.spec.name}/_symlink_format_manifest/{partition_folder(hour.hour)}/manifest"
    copy_twice(lakehouse, hour)
    found = files(lakehouse, hour)
    assert hour.lake.get(key).decode().splitlines() == found
    hour.lake.put(key, b"s3://elsewhere/x")
    maintained = lakehouse.open(hour.spec).maintain()
    assert maintained.files_removed == 0  # readers of the version before may still be at it
    assert hour.lake.get(key).decode().splitlines() == found
    assert copied(lakehouse, hour) == hour.rows()
    assert copy(lakehouse, hour).action == "nothing"


@pytest.mark.parametrize("spec", STREAMS, ids=lambda s: s.name)
def test_both_sides_hash_every_type_alike(spec, hour: Hour, lakehouse: Lakehouse):
    """A check that cries wolf over null, empty text, money, umlauts or microseconds is switched off."""
    hour = hour.of(spec)
    values = {"Varchar": ("Zoë|7:x", "", None), "Integer": (0, -7, None), "BigInteger": (2**40, 0, None)}
    values |= {
        "Decimal": (Decimal("-12.30"), Decimal("0.00"), None),
        "Double": (1746269854.2904353, -0.5, None),
    }
    times = (datetime(2025, 7, 20, 10, 0, 0, 1), datetime(1999, 12, 31, 23, 59, 59, 999999), None)  # noqa: DTZ001
    values["Timestamp"] = times
    names = [c.name for c in copied_columns(spec)]
    rows = [[values[type(c.type).__name__][n] for c in copied_columns(spec)] for n in range(3)]
    for row in rows:
        row[names.index("landing_hour")] = hour.hour.start.replace(tzinfo=None)
        row[names.index("event_at")] = row[names.index("event_at")] or times[0]
    marks = ", ".join(
        "CAST(%s AS TIMESTAMP)" if type(c.type).__name__ == "Timestamp" else "%s"
        for c in copied_columns(spec)
    )
    with hour.warehouse.transaction() as tx:
        tx.execute_many(f"INSERT INTO {spec.qualified_table} ({', '.join(names)}) VALUES ({marks})", rows)
        tx.insert_lines(_ledger(spec), [(spec.name, hour.hour.sql)])
    assert copy(lakehouse, hour).agreement.differences == ()
    assert len(copied(lakehouse, hour)) == 3
    assert copied(lakehouse, hour) == hour.rows()


def _ledger(spec):
    from weblogs_platform.core.statements import insert_lines

    class Line:
        def __init__(self, rows: int) -> None:
            self.rows = rows

        def sql(self) -> str:
            more = "object_key, etag, size_bytes, records, loaded, quarantined, duplicates_dropped, truncated_values, rules"
            text = insert_lines("shopware_ops.load_history", ("stream", "landing_hour"), self.rows)
            text = text.replace("landing_hour)", f"landing_hour, {more})")
            return text.replace("TIMESTAMP))", "TIMESTAMP), 'k', 'e', 1, 3, 3, 0, 0, 0, 'r')")

    return Line


def test_money_and_times_are_typed(hour: Hour, lakehouse: Lakehouse):
    types = {f.name: str(f.type) for f in lakehouse.open(POS).table.schema().fields}
    assert types["revenue"] == 'PrimitiveType("decimal(12,2)")'
    assert types["delivered_at"] == 'PrimitiveType("timestamp")'
    assert types["landing_date"] == 'PrimitiveType("date")'
    assert types["store_id"] == 'PrimitiveType("integer")'
