"""Exactly once: what re-runs, later objects, rewritten and vanished ones, and concurrent loads leave behind."""

from __future__ import annotations

import gzip
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest

from tests.pipeline.hours import Hour, each_stream, in_order
from tests.pipeline.records import Content, encoded, record, web_log
from weblogs_platform.clients import warehouse as warehouse_module
from weblogs_platform.clients.lake import Lake
from weblogs_platform.clients.warehouse import Warehouse
from weblogs_platform.core.errors import (
    CountMismatch,
    HourNotReplaceable,
    HourNotValidated,
    StatementRefused,
    WarehouseUnavailable,
)
from weblogs_platform.core.keys import jsonpaths_key
from weblogs_platform.core.manifest import urls_in
from weblogs_platform.core.spec import Varchar
from weblogs_platform.pipeline import provision
from weblogs_platform.pipeline.load import LoadOutcome
from weblogs_platform.pipeline.manifest import prepare_hour

Start = Callable[[str], subprocess.Popen[str]]


def _mixed(hour: Hour, *numbers: int) -> Content:
    """Sound records of these numbers, with a broken one after each."""
    content = Content(hour.spec)
    for n in numbers:
        content.good(record(hour.spec, n)).bad(b"{", "malformed_json").between(b"\n")
    return content


def _rows(hour: Hour, *numbers: int) -> list[Any]:
    content = Content(hour.spec)
    for n in numbers:
        content.good(record(hour.spec, n))
    return in_order(content.rows)


@each_stream
def test_a_second_run_changes_nothing(hour: Hour) -> None:
    """A retry or a duplicate notification doubles rows, writes other objects, or books the files again."""
    hour.drop_records("sound", 1, 2, 3)
    hour.drop("mixed", _mixed(hour, 4, 5).stored)
    hour.drop("zipped", _mixed(hour, 6).gzipped().stored)
    first, _ = hour.run()
    rows, ledger, objects = hour.rows(), hour.ledger(), hour.derived_objects()
    for _ in range(2):
        again, outcome = hour.run()
        assert (outcome.action, outcome.rows_loaded, outcome.manifest_keys) == ("nothing", 0, ())
        assert outcome.table_rows == len(rows) == 6
        assert again == first
    assert (hour.rows(), hour.ledger(), hour.derived_objects()) == (rows, ledger, objects)


@each_stream
def test_an_hour_validated_from_scratch_writes_the_same_objects(hour: Hour) -> None:
    """Names or contents depend on the run, so that a retry leaves a second set and manifests of both."""
    hour.drop("mixed", _mixed(hour, 1, 2).stored)
    hour.drop("sound", _mixed(hour, 3).gzipped().stored)
    report, _ = hour.run()
    objects = hour.derived_objects()
    for key in objects:
        if not key.startswith("manifests/"):
            hour.remove(key)
    assert hour.validate() == report
    assert hour.derived_objects() == objects
    assert hour.load().action == "nothing"


@each_stream
def test_a_later_object_is_appended_alone(hour: Hour) -> None:
    """An hour that gets one more object is loaded as a whole again, or the object is never seen."""
    hour.drop_records("a", 1, 2)
    hour.run()
    key = hour.drop("b", _mixed(hour, 3).stored)
    report, outcome = hour.run()
    assert (outcome.action, outcome.rows_loaded, outcome.table_rows) == ("append", 1, 3)
    [manifest] = outcome.manifest_keys
    [later] = [f for f in report.files if f.source.key == key]
    assert urls_in(hour.lake.get(manifest)) == [hour.lake.url(str(later.load_key))]
    assert hour.rows() == _rows(hour, 1, 2, 3)
    assert [line[1:] for line in hour.ledger()] == [(2, 0, False), (1, 1, False)]


@each_stream
def test_a_rewritten_object_replaces_the_hour(hour: Hour) -> None:
    """The records of both versions are in the table, or those of an object that did not change are lost."""
    hour.drop_records("a", 1, 2)
    hour.drop_records("b", 3)
    hour.run()
    hour.drop("a", _mixed(hour, 7).stored)
    report, outcome = hour.run()
    assert (outcome.action, outcome.rows_deleted, outcome.rows_loaded) == ("replace", 3, 2)
    assert hour.rows() == _rows(hour, 3, 7)
    assert (report.records, report.good, report.bad) == (3, 2, 1)
    # The old lines stay in the ledger, as replaced.
    assert [line[1:] for line in hour.ledger()] == [(1, 1, False), (2, 0, True), (1, 0, False), (1, 0, True)]
    assert hour.run()[1].action == "nothing"


def test_an_object_that_is_emptied_takes_its_rows_along(hour: Hour) -> None:
    """A rewritten object without a sound record leaves the rows of its first version."""
    hour.drop_records("a", 1, 2)
    hour.run()
    hour.drop("a", b"")
    _, outcome = hour.run()
    assert (outcome.action, outcome.rows_deleted, hour.rows()) == ("replace", 2, [])


def test_rows_of_a_vanished_object_stay(hour: Hour) -> None:
    """Landing objects expire; a later load of the hour takes their rows for an error and removes them."""
    key = hour.drop_records("a", 1, 2)
    hour.drop_records("b", 3)
    hour.run()
    hour.remove(key)
    assert hour.run()[1].action == "nothing"
    hour.drop_records("c", 4)
    _, outcome = hour.run()
    assert (outcome.action, outcome.plan.vanished) == ("append", (key,))
    assert hour.rows() == _rows(hour, 1, 2, 3, 4)


def test_an_hour_that_cannot_be_replaced_says_so_and_stays(hour: Hour) -> None:
    """Replacing for the sake of a rewritten object loses the rows of another that has expired."""
    gone = hour.drop_records("a", 1, 2)
    rewritten = hour.drop_records("b", 3)
    hour.run()
    ledger = hour.ledger()
    hour.remove(gone)
    hour.drop_records("b", 4)
    hour.validate()
    with pytest.raises(HourNotReplaceable) as refused:
        hour.load()
    assert gone in str(refused.value)
    assert rewritten in str(refused.value)
    assert (hour.rows(), hour.ledger()) == (_rows(hour, 1, 2, 3), ledger)


def test_a_stream_may_declare_that_vanished_objects_take_their_rows_along(hour: Hour) -> None:
    """`on_vanished='replace'` is declared and nothing comes of it."""
    strict = hour.of(replace(hour.spec, on_vanished="replace"))
    key = strict.drop_records("a", 1, 2)
    strict.drop_records("b", 3)
    strict.run()
    strict.remove(key)
    _, outcome = strict.run()
    assert (outcome.action, outcome.rows_deleted, outcome.rows_loaded) == ("replace", 3, 1)
    assert strict.rows() == _rows(hour, 3)


def test_what_came_after_validation_waits(hour: Hour) -> None:
    """An object that nobody validated is loaded, or stops the load of the others."""
    hour.drop_records("a", 1)
    hour.validate()
    late = hour.drop_records("b", 2)
    outcome = hour.load()
    assert (outcome.action, outcome.plan.unreported) == ("append", (late,))
    assert hour.rows() == _rows(hour, 1)
    assert hour.run()[1].rows_loaded == 1
    assert hour.rows() == _rows(hour, 1, 2)


def test_a_load_needs_a_report_of_the_present_rules(hour: Hour) -> None:
    """Records that were judged by other rules are loaded after the stream's declaration changed."""
    hour.drop_records("a", 1)
    with pytest.raises(HourNotValidated, match="validated"):
        hour.load()
    hour.validate()
    fields = tuple(replace(f, required=True) if f.column == "page" else f for f in hour.spec.fields)
    with pytest.raises(HourNotValidated):
        hour.of(replace(hour.spec, fields=fields)).load()
    assert hour.rows() == []


def test_concurrent_loads_load_once(hour: Hour) -> None:
    """Two runs of one hour both find nothing loaded, and both load."""
    hour.drop_records("a", *range(50))
    hour.drop("b", _mixed(hour, 60).stored)
    hour.validate()
    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(lambda n: hour.load(run_id=f"thread {n}"), range(4)))
    assert sorted(o.action for o in outcomes) == ["append", "nothing", "nothing", "nothing"]
    assert {o.table_rows for o in outcomes} == {51}
    assert hour.rows() == _rows(hour, *range(50), 60)
    assert [line[1] for line in hour.ledger()] == [50, 1]


def test_concurrent_processes_load_once(hour: Hour, start: Start) -> None:
    """Runs are processes: a lock that holds in one of them is none."""
    hour.drop_records("a", *range(50))
    hour.validate()
    processes = [start("load") for _ in range(3)]
    printed = [process.communicate()[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert sorted('"append"' in line for line in printed) == [False, False, True]
    assert hour.rows() == _rows(hour, *range(50))


def test_different_hours_load_beside_each_other(hour: Hour, interactions: Hour) -> None:
    """Loads of different hours and streams fail each other, instead of waiting."""
    hours = [replace(own, hour=own.hour.plus(1000 + n)) for n in range(3) for own in (hour, interactions)]
    for own in hours:
        own.drop_records("a", 1, 2, 3)
        own.validate()
    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(lambda own: own.load(), hours))
    assert [(o.action, o.table_rows) for o in outcomes] == [("append", 3)] * 6


def test_a_crash_before_the_commit_leaves_nothing_and_locks_nobody_out(hour: Hour, start: Start) -> None:
    """A killed run leaves half an hour in the table, or a lock that no one releases."""
    hour.drop_records("a", *range(20))
    hour.validate()
    process = start("load-and-stop")
    assert process.stdout is not None
    assert process.stdout.readline() == "before commit\n"
    assert (hour.rows(), hour.ledger()) == ([], [])
    process.kill()
    process.wait()
    assert hour.load().action == "append"
    assert hour.rows() == _rows(hour, *range(20))
    assert len(hour.ledger()) == 1


def _tampered(hour: Hour, body: bytes) -> str:
    """Lets someone overwrite the split copy of the hour's one object between validation and load; its key."""
    [file] = hour.validate().files
    assert file.load_key is not None
    stored = pa.compress(body, file.load_compression, asbytes=True)
    hour.roles.admin.put_object(Bucket=hour.roles.bucket, Key=file.load_key, Body=stored)
    return file.load_key


def test_a_count_that_does_not_fit_rolls_everything_back(hour: Hour) -> None:
    """COPY loads another number of rows than was validated, and the hour is booked as loaded."""
    content = _mixed(hour, 1, 2, 3)
    hour.drop("a", content.stored)
    for number in (2, 4):
        _tampered(hour, b"\n".join(Content(hour.spec).good(web_log(n)).stored for n in range(number)))
        with pytest.raises(CountMismatch, match=f": {number} rows loaded by COPY .* expected 3"):
            hour.load()
        assert (hour.rows(), hour.ledger()) == ([], [])
    [file] = hour.validate().files
    hour.remove(str(file.load_key))
    for key in hour.derived_objects():
        hour.remove(key)
    assert hour.run()[1].rows_loaded == 3
    assert hour.rows() == _rows(hour, 1, 2, 3)


def test_a_copy_that_fails_rolls_everything_back(hour: Hour) -> None:
    """The objects before the one that COPY refuses stay in the table."""
    hour.drop("a", _mixed(hour, 1, 2).stored)
    _tampered(hour, b'{"payload": {"timestamp": "never"}}')
    with pytest.raises(StatementRefused, match="stl_load_errors"):
        hour.load()
    assert (hour.rows(), hour.ledger()) == ([], [])


def test_a_listed_object_that_is_gone_fails_the_load_by_name(hour: Hour) -> None:
    """COPY skips it, because `mandatory` is false unless one says otherwise."""
    hour.drop("a", _mixed(hour, 1).stored)
    [file] = hour.validate().files
    hour.remove(str(file.load_key))
    with pytest.raises(StatementRefused) as refused:
        hour.load()
    assert str(file.load_key) in str(refused.value)
    assert (hour.rows(), hour.ledger()) == ([], [])


class _Faulty:
    """Counts calls; the one of number `fails_at` raises instead."""

    def __init__(self, fails_at: int) -> None:
        self.calls, self.fails_at = 0, fails_at

    def count(self) -> None:
        self.calls += 1
        if self.calls == self.fails_at:
            raise ConnectionResetError("cut by the test")


class _FaultyConnection:
    """Fails at one of its statements, or at the commit, before it reaches the server."""

    def __init__(self, connection: Any, fault: _Faulty) -> None:
        self._connection, self._fault = connection, fault

    def __getattr__(self, name: str) -> Any:
        if name in {"cursor", "commit"}:
            self._fault.count()
        return getattr(self._connection, name)


def _load_with_fault(hour: Hour, fault: _Faulty) -> LoadOutcome | None:
    """The outcome, or None when the fault came first."""
    connect = hour.warehouse.connect
    faulty = replace(hour.warehouse, connect=lambda: _FaultyConnection(connect(), fault))
    try:
        return replace(hour, warehouse=faulty).load()
    except (WarehouseUnavailable, ConnectionResetError):
        return None


def test_a_fault_at_any_statement_leaves_nothing(hour: Hour) -> None:
    """A connection that breaks between COPY, INSERT and ledger leaves rows without a line, or a line without rows."""
    hour.drop_records("a", 1, 2, 3)
    hour.drop("b", _mixed(hour, 4).gzipped().stored)
    hour.drop("c", Content(hour.spec).good(web_log(5)).gzipped().stored)
    hour.validate()
    outcome, fails_at = None, 0
    while outcome is None:
        fails_at += 1
        outcome = _load_with_fault(hour, _Faulty(fails_at))
        assert outcome or (hour.rows(), hour.ledger()) == ([], [])
    assert outcome.rows_loaded == 5
    assert fails_at > 10
    assert hour.rows() == _rows(hour, 1, 2, 3, 4, 5)


def test_a_fault_at_any_write_of_validation_is_mended_by_the_next_run(hour: Hour) -> None:
    """A crash between two writes leaves a report that names what is not there."""
    hour.drop("a", _mixed(hour, 1).stored)
    hour.drop("b", _mixed(hour, 2).gzipped().stored)
    hour.drop_records("c", 3)
    report = hour.validate()
    objects = hour.derived_objects()
    for fails_at in range(1, 100):
        for key in hour.derived_objects():
            hour.remove(key)
        fault = _Faulty(fails_at)
        broken = replace(hour, lake=_FaultyLake(hour.lake.client, hour.lake.bucket, fault))
        try:
            broken.validate()
        except ConnectionResetError:
            assert hour.validate() == report
            assert hour.derived_objects() == objects
        else:
            break
    assert fails_at > 5


class _FaultyLake(Lake):
    """Fails at one of its writes."""

    def __init__(self, client: Any, bucket: str, fault: _Faulty) -> None:
        super().__init__(client, bucket)
        object.__setattr__(self, "fault", fault)

    def put(self, key: str, body: bytes, *, content_type: str = "application/json") -> None:
        self.fault.count()  # type: ignore[attr-defined]
        super().put(key, body, content_type=content_type)

    def put_file(self, key: str, source: Any) -> None:
        self.fault.count()  # type: ignore[attr-defined]
        super().put_file(key, source)


@each_stream
def test_duplicates_of_the_hour_are_counted_and_kept(hour: Hour) -> None:
    """Duplicates across objects, framings, runs or the exact path are not seen, or their rows are dropped."""
    first, second = encoded(record(hour.spec, 1)), encoded(record(hour.spec, 2))
    unmapped = {**record(hour.spec, 3), "note": "x"}
    hour.drop("a", first + first + second)
    hour.drop("b", gzip.compress(b"  " + first + b"\r\n\n" + second + b"\n"))
    hour.drop("c", encoded(unmapped) + encoded({**unmapped, "note": "y"}) + encoded(unmapped) + b"{{" * 2)
    report, outcome = hour.run()
    assert (report.duplicates, report.bad, outcome.rows_loaded) == (4, 1, 8)
    hour.drop("d", second)
    report, outcome = hour.run()
    assert (report.duplicates, outcome.rows_loaded, outcome.table_rows) == (5, 1, 9)


@each_stream
def test_tables_have_the_declared_columns(hour: Hour) -> None:
    """The DDL and the spec of a stream drift apart: values are cut or refused at the last step."""
    sql = (
        "SELECT column_name, data_type, character_maximum_length FROM svv_all_columns "
        "WHERE schema_name = %s AND table_name = %s ORDER BY ordinal_position"
    )
    with hour.warehouse.transaction() as tx:
        found = tx.fetch_all(sql, (hour.spec.schema, hour.spec.table))
    names = {"DOUBLE PRECISION": "double precision", "INTEGER": "integer"}
    declared = [
        (f.column, "character varying", f.type.max_bytes)
        if isinstance(f.type, Varchar)
        else (f.column, names.get(f.type.ddl, "timestamp without time zone"), None)
        for f in hour.spec.fields
    ]
    lineage = [(name, "timestamp without time zone", None) for name in ("landing_hour", "event_at")]
    assert found == [*declared, *lineage]


def test_manifests_are_immutable_and_mandatory(hour: Hour) -> None:
    """A manifest changes under a load that reads it, or COPY may skip what it lists."""
    hour.drop_records("a", 1)
    hour.drop("b", Content(hour.spec).good(web_log(2)).gzipped().stored)
    hour.validate()
    first = prepare_hour(hour.lake, hour.warehouse, hour.spec, hour.hour)
    assert [m.compression for m in first.manifests] == ["plain", "gzip"]
    bodies = {m.key: hour.lake.get(m.key) for m in first.manifests}
    assert all(b'"mandatory": true' in body for body in bodies.values())
    hour.drop_records("c", 3)
    hour.validate()
    second = prepare_hour(hour.lake, hour.warehouse, hour.spec, hour.hour)
    assert second.manifests[0].key not in bodies  # another content, another name
    assert second.manifests[1] == first.manifests[1]
    assert {key: hour.lake.get(key) for key in bodies} == bodies


def test_many_objects_of_an_hour_are_booked(hour: Hour, monkeypatch: pytest.MonkeyPatch) -> None:
    """The ledger takes one batch of lines, and forgets the rest."""
    monkeypatch.setattr(warehouse_module, "_LINES", 3)
    keys = [hour.drop_records(f"part-{n}", n) for n in range(8)]
    assert hour.run()[1].table_rows == 8
    assert [line[0] for line in hour.ledger()] == keys


def test_initialise_can_be_repeated(hour: Hour, lake: Lake, warehouse: Warehouse) -> None:
    """`weblogs init` on a running platform drops what is there, or fails."""
    hour.drop_records("a", 1)
    hour.run()
    done = provision.initialise(lake, warehouse)
    assert any(jsonpaths_key(hour.spec.name) in line for line in done)
    assert hour.rows() == _rows(hour, 1)


def test_copy_has_no_right_to_quarantined_data(hour: Hour) -> None:
    """The role that COPY assumes reads what was refused, so that one wrong manifest loads it."""
    hour.drop("a", _mixed(hour, 1).stored)
    report, _ = hour.run()
    invalid = str(report.files[0].invalid_key)
    with pytest.raises(Exception, match="AccessDenied"):
        hour.roles.copy.get_object(Bucket=hour.roles.bucket, Key=invalid)
    role = hour.warehouse.copy_role_arn
    copy = f"COPY quarantine_probe FROM '{hour.lake.url(invalid)}' IAM_ROLE '{role}' FORMAT JSON 'auto'"
    with hour.warehouse.transaction() as tx:
        tx.execute("CREATE TEMP TABLE quarantine_probe (object VARCHAR(500))")
        with pytest.raises(StatementRefused, match=r"denied|Denied|403"):
            tx.execute(copy)


def test_the_warehouse_knows_why_records_are_in_quarantine(hour: Hour) -> None:
    """Whoever asks for reasons has to read every report in S3; or a replaced object's reasons are counted for ever."""

    def reasons() -> dict[str, int]:
        sql = (
            "SELECT reason, SUM(records) FROM shopware_ops.quarantine_reasons "
            "WHERE stream = %s AND landing_hour = CAST(%s AS TIMESTAMP) GROUP BY 1"
        )
        with hour.warehouse.transaction() as tx:
            return {name: int(n) for name, n in tx.fetch_all(sql, (hour.spec.name, hour.hour.sql))}

    hour.drop("a", _mixed(hour, 1, 2).stored)
    hour.drop("b", encoded(web_log(3, user_id=None, session_id=None)))
    report, _ = hour.run()
    assert reasons() == report.reasons == {
        "malformed_json": 2, "null_required:session_id": 1, "null_required:user_id": 1
    }  # fmt: skip
    hour.run()
    assert reasons() == report.reasons
    hour.drop("a", _mixed(hour, 1).stored)
    _, outcome = hour.run()
    assert outcome.action == "replace"
    assert reasons() == {"malformed_json": 1, "null_required:session_id": 1, "null_required:user_id": 1}
