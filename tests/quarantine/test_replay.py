"""Quarantined records come back: repaired, once, and every record of the hour stays accounted for."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tests.pipeline.hours import Hour, in_order
from tests.pipeline.records import Content, Row, encoded, interaction, row_of, web_log
from tests.quarantine.accounts import account, replay
from weblogs_platform.clients.warehouse import Warehouse
from weblogs_platform.core.errors import InvalidDocument, InvalidName, WarehouseUnavailable
from weblogs_platform.core.partitions import LandingHour
from weblogs_platform.core.quarantine import Edit, Place, Selection, export_line, read_edits
from weblogs_platform.core.spec import StreamSpec
from weblogs_platform.kpis import table_named
from weblogs_platform.local.endpoints import Endpoints
from weblogs_platform.pipeline.quarantine import open_entries, quarantined_files, stats_of
from weblogs_platform.pipeline.refresh import refresh, stale_periods
from weblogs_platform.pipeline.replay import Decision, Replay, discard_hour
from weblogs_platform.repairs import repair_named
from weblogs_platform.settings import PROJECT_ROOT
from weblogs_platform.streams import CUSTOMER_INTERACTIONS, INVENTORY, POS, WEB_LOGS

DECISION = Decision("the data team", "test events of the producer")


def misspelt(n: int) -> dict[str, object]:
    """A web log with `userId`, which is refused; USER_ID_SPELLING makes it `web_log(n)`."""
    return web_log(n, user_id=..., userId=5000 + n)


def spelling(**how: object) -> Replay:
    return Replay(repair=repair_named("user_id_spelling", WEB_LOGS), **how)  # pyright: ignore[reportArgumentType]


def rows(spec: StreamSpec, *records: dict[str, object]) -> list[Row]:
    return in_order([row_of(spec, encoded(record)) for record in records])


def loaded(hour: Hour, *bad: int, name: str = "a") -> str:
    """Takes an object with the sound record 1 and these misspelt ones to the table; its key."""
    body = b"\n".join(encoded(r) for r in (web_log(1), *(misspelt(n) for n in bad)))
    key = hour.drop(name, body)
    hour.run()
    return key


def test_a_mapping_repairs_records(hour: Hour) -> None:
    """A repaired record is lost, doubled, or its neighbours in quarantine are."""
    content = Content(WEB_LOGS).good(web_log(1)).bad(misspelt(2), "null_required:user_id")
    content.bad(b"{broken", "malformed_json").between(b"\n").bad(misspelt(3), "null_required:user_id")
    hour.drop("a", content.stored)
    hour.run()
    assert len(account(hour).open) == 3
    outcome = replay(hour, spelling())
    assert (outcome.replayed, outcome.still_bad, dict(outcome.reasons)) == (2, 1, {"malformed_json": 1})
    assert hour.rows() == rows(WEB_LOGS, web_log(1), web_log(2), web_log(3))
    found = account(hour)
    assert (found.replayed, [p.offset for p in found.open]) == (2, [content.quarantined[1].offset])


def test_a_function_repairs_records(hour_of: Callable[..., Hour]) -> None:
    """Numbers lose digits on their way through a repair."""
    hour = hour_of(CUSTOMER_INTERACTIONS)
    hour.drop("a", encoded(interaction(1)) + encoded(interaction(2, timestamp=1746269854290.5)))
    hour.run()
    outcome = replay(hour, Replay(repair=repair_named("milliseconds", hour.spec)))
    assert outcome.replayed == 1
    assert hour.rows() == rows(hour.spec, interaction(1), interaction(2, timestamp=1746269854.2905))
    assert account(hour).open == ()


def test_a_function_of_bytes_repairs_records(hour: Hour) -> None:
    """Bytes that are no UTF-8 change on their way through quarantine."""
    hour.drop("a", encoded(web_log(1)) + encoded(web_log(2, page="caf\u00e9")).decode().encode("cp1252"))
    hour.run()
    assert replay(hour, Replay(repair=repair_named("western_text", WEB_LOGS))).replayed == 1
    assert hour.rows() == rows(WEB_LOGS, web_log(1), web_log(2, page="caf\u00e9"))
    account(hour)


def test_changed_rules_bring_records_back(hour: Hour) -> None:
    """A field that is no longer required leaves its records in quarantine for ever, or the load takes them twice."""
    hour.drop("a", encoded(web_log(1)) + encoded(web_log(2, user_id=...)))
    hour.run()
    fields = tuple(replace(f, required=f.required and f.column != "user_id") for f in WEB_LOGS.fields)
    later = hour.of(replace(WEB_LOGS, fields=fields))
    assert later.run()[1].action == "nothing"
    assert len(account(later).open) == 1
    assert replay(later).replayed == 1
    assert later.rows() == rows(WEB_LOGS, web_log(1), web_log(2, user_id=...))
    assert later.run()[1].action == "nothing"
    assert account(later).replayed == 1


def exported(hour: Hour, *, raw: bool = True) -> list[dict[str, object]]:
    files = quarantined_files(hour.warehouse, hour.spec, hour.hour, hour.hour.plus(1))
    return [
        json.loads(export_line(e, hour.spec, f.hour, seen=f.first_seen, run=f.first_run, raw=raw))
        for f in files
        for e in open_entries(hour.lake, f)
    ]


def edits_of(hour: Hour, lines: list[dict[str, object]]) -> dict[Place, Edit]:
    body = b"\n".join(json.dumps(line).encode() for line in lines)
    return read_edits(body, hour.spec)[hour.hour]


def test_an_edited_export_brings_records_back(hour: Hour) -> None:
    """An edit is applied to another record, or to one that was dealt with."""
    loaded(hour, 2, 3)
    lines = exported(hour)
    assert {line["run"] for line in lines} == {"test"}
    lines[1]["raw"] = str(lines[1]["raw"]).replace("userId", "user_id")
    how = Replay(edits=edits_of(hour, lines))
    outcome = replay(hour, how)
    assert (outcome.replayed, outcome.still_bad) == (1, 1)
    assert hour.rows() == rows(WEB_LOGS, web_log(1), web_log(3))
    again = replay(hour, how)
    assert (again.replayed, again.already, again.still_bad) == (0, 1, 1)
    assert len(account(hour).open) == 1


def test_a_csv_row_is_repaired_with_its_header_and_number(hour_of: Callable[..., Hour]) -> None:
    """A repaired sale has another place in its file, so that an older delivery of it wins."""
    hour = hour_of(POS)
    secs = hour.hour.start.timestamp()
    header = "transaction_id,store_id,product_id,quantity,revenue,discount_applied,timestamp"
    body = f"{header}\nt1,1,2,3,9.90,,{secs}\nt2,1,2,x,9.90,,{secs}\nt3,1,2,3,9.90,,{secs * 1000:.0f}\n"
    hour.drop("0000.csv", body.encode())
    hour.run()
    assert replay(hour, Replay(repair=repair_named("milliseconds", POS))).replayed == 1
    [line] = exported(hour)
    assert line["header"] == header
    line["raw"] = f"t2,1,2,4,9.90,,{secs}"
    assert replay(hour, Replay(edits=edits_of(hour, [line]))).replayed == 1
    assert [(r[0], r[3], r[-1]) for r in hour.rows()] == [("t1", 3, 1), ("t2", 4, 2), ("t3", 3, 3)]
    assert account(hour).open == ()


def test_a_stamped_record_keeps_its_number(hour_of: Callable[..., Hour]) -> None:
    """The same for JSON."""
    hour = hour_of(INVENTORY)
    secs = hour.hour.start.timestamp()
    stock = [
        {"inventory_id": f"i{n}", "product_id": n, "warehouse_id": 1, "stock_level": 5, "last_updated": time}
        for n, time in enumerate((secs, secs * 1000, secs), start=1)
    ]
    hour.drop("0000.json", b"\n".join(map(encoded, stock)))
    hour.run()
    assert replay(hour, Replay(repair=repair_named("milliseconds", INVENTORY))).replayed == 1
    assert [(r[0], r[-1]) for r in hour.rows()] == [("i1", 1), ("i2", 2), ("i3", 3)]
    account(hour)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (encoded(web_log(2)) + encoded(web_log(3)), "not_one_record"),
        (b"[" + encoded(web_log(2)) + b"]", "not_one_record"),
        (b"", "malformed_json"),
        (b"{", "malformed_json"),
        (encoded(web_log(2, page={"a": 1})), "wrong_type:page"),
        (encoded(web_log(2, page="x" * 5_000_000)), "too large"),
    ],
)
def test_what_is_still_bad_stays_with_its_new_reasons(hour: Hour, raw: bytes, reason: str) -> None:
    """One record becomes two, or something that is none is loaded."""
    loaded(hour, 2)
    [line] = exported(hour)
    line["raw"] = raw.decode()
    if reason == "too large":
        with pytest.raises(InvalidDocument, match="line 1 of the edited export is too large"):
            edits_of(hour, [line])
    else:
        assert reasons_listed(hour) == {"null_required:user_id": 1}
        for _ in range(2):
            assert dict(replay(hour, Replay(edits=edits_of(hour, [line]))).reasons) == {reason: 1}
            assert reasons_listed(hour) == {reason: 1}
    assert hour.rows() == rows(WEB_LOGS, web_log(1))
    assert len(account(hour).open) == 1


def reasons_listed(hour: Hour) -> dict[str, int]:
    """Why records are in quarantine, as `weblogs quarantine stats` says it."""
    files = quarantined_files(hour.warehouse, hour.spec, hour.hour, hour.hour.plus(1))
    return dict(stats_of(hour.lake, files).reasons)


def test_new_reasons_are_those_of_the_last_judgement_and_go_with_the_record(hour: Hour) -> None:
    """Reasons pile up replay by replay, stay counted when the record is loaded, or are told of one that was loaded anew."""
    loaded(hour, 2)
    [line] = exported(hour)
    good = str(line["raw"])
    for broken, reason in (("{", "malformed_json"), (f"[{good}]", "not_one_record")):
        edits = edits_of(hour, [{**line, "raw": broken}])
        replay(hour, Replay(edits=edits, dry_run=True))
        before = reasons_listed(hour)
        replay(hour, Replay(edits=edits))
        assert (before != {reason: 1}, reasons_listed(hour)) == (True, {reason: 1})
        assert len(account(hour).open) == 1
    as_it_is = replay(hour, Replay(selection=Selection(frozenset({"not_one_record"}))))
    assert (as_it_is.still_bad, reasons_listed(hour)) == (1, {"null_required:user_id": 1})
    replay(hour, Replay(edits=edits_of(hour, [{**line, "raw": "{"}])))
    repaired = good.replace("userId", "user_id")
    assert replay(hour, Replay(edits=edits_of(hour, [{**line, "raw": repaired}]))).replayed == 1
    assert (reasons_listed(hour), account(hour).open) == ({}, ())


def test_new_reasons_are_of_the_past_once_the_object_is_loaded_anew(hour: Hour) -> None:
    """A verdict of before is told of a record that nobody has judged since."""
    key = loaded(hour, 2)
    [line] = exported(hour)
    replay(hour, Replay(edits=edits_of(hour, [{**line, "raw": "{"}])))
    assert reasons_listed(hour) == {"malformed_json": 1}
    body = hour.lake.get(key)
    hour.drop("a", b"{}")
    hour.run()
    hour.drop("a", body)
    hour.run()
    assert reasons_listed(hour) == {"null_required:user_id": 1}
    assert len(account(hour).open) == 1


def test_new_reasons_that_went_while_a_replay_waited_are_not_settled(hour: Hour) -> None:
    """What a verdict of before said is taken out of the open reasons, where what is counted is why the record was put
    there."""
    key = loaded(hour, 2)
    [line] = exported(hour)
    replay(hour, Replay(edits=edits_of(hour, [{**line, "raw": "{"}])))
    body = hour.lake.get(key)
    connections = itertools.count(1)

    def second_comes_late() -> object:
        if next(connections) == 2:  # the first reads what is there, the second has the lock
            for content in (b"{}", body):
                hour.drop("a", content)
                hour.run()
        return hour.warehouse.connect()

    late = replace(hour, warehouse=replace(hour.warehouse, connect=second_comes_late))
    assert replay(late, spelling()).replayed == 1
    assert account(hour).open == ()


def test_a_batch_of_many_objects_is_settled_once(hour: Hour, monkeypatch: pytest.MonkeyPatch) -> None:
    """Receipts of the others are overlooked where not all objects are named, and their records are loaded twice."""
    monkeypatch.setattr("weblogs_platform.pipeline.quarantine._MAX_OBJECTS", 2)
    for name in "abc":
        loaded(hour, 2, 3, name=name)
    with ThreadPoolExecutor(3) as pool:
        outcomes = list(pool.map(lambda n: replay(hour, spelling(), f"replay {n}"), range(3)))
    assert sum(o.replayed for o in outcomes) == account(hour).replayed == 6


def test_a_dry_run_changes_nothing(hour: Hour) -> None:
    loaded(hour, 2)
    before = (hour.rows(), hour.derived_objects(), account(hour))
    assert replay(hour, spelling(dry_run=True)).replayed == 1
    assert (hour.rows(), hour.derived_objects(), account(hour)) == before


def test_a_selection_by_reason_leaves_the_others(hour: Hour) -> None:
    hour.drop("a", encoded(web_log(1)) + encoded(misspelt(2)) + encoded(web_log(3, session_id=...)))
    hour.run()
    assert replay(hour, spelling(selection=Selection(frozenset({"null_required:session_id"})))).replayed == 0
    assert replay(hour, spelling(selection=Selection(frozenset({"null_required"})))).replayed == 1
    assert len(account(hour).open) == 1


def test_a_replay_run_twice_loads_once(hour: Hour) -> None:
    loaded(hour, 2, 3)
    assert replay(hour, spelling()).replayed == 2
    assert replay(hour, spelling()).replayed == 0
    assert hour.rows() == rows(WEB_LOGS, web_log(1), web_log(2), web_log(3))
    assert account(hour).replayed == 2
    assert hour.run()[1].action == "nothing"


def test_replays_in_parallel_load_once(hour: Hour) -> None:
    """Two replays that planned the same records both load them."""
    loaded(hour, *range(2, 12))
    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(lambda n: replay(hour, spelling(), f"replay {n}"), range(4)))
    assert sum(o.replayed for o in outcomes) == 10
    assert hour.rows() == rows(WEB_LOGS, *(web_log(n) for n in range(1, 12)))
    assert account(hour).open == ()


def test_small_batches_load_everything(hour: Hour, monkeypatch: pytest.MonkeyPatch) -> None:
    """A record between two batches is lost or comes twice."""
    monkeypatch.setattr("weblogs_platform.pipeline.replay.BATCH_RECORDS", 3)
    loaded(hour, *range(2, 9))
    assert replay(hour, spelling()).replayed == 7
    assert hour.rows() == rows(WEB_LOGS, *(web_log(n) for n in range(1, 9)))
    account(hour)


def test_an_object_that_comes_later_leaves_the_receipts(hour: Hour) -> None:
    loaded(hour, 2)
    replay(hour, spelling())
    loaded(hour, 3, name="b")
    assert len(account(hour).open) == 1
    assert replay(hour, spelling()).replayed == 1
    assert hour.rows() == rows(WEB_LOGS, web_log(1), web_log(1), web_log(2), web_log(3))


def test_a_rewritten_object_takes_its_replayed_rows_along(hour: Hour) -> None:
    """The rows of a replay stay beside those of the object that was mended at its source, or receipts of the old
    object hide records of the new one."""
    key = loaded(hour, 2, 3)
    hour.drop("b", encoded(misspelt(8)) + encoded(web_log(9)))
    hour.run()
    replay(hour, spelling())
    assert account(hour).replayed == 3
    hour.drop(key.rsplit("/", 1)[-1], encoded(web_log(1)) + encoded(web_log(2)) + encoded(misspelt(4)))
    assert hour.run()[1].action == "replace"
    assert hour.rows() == rows(WEB_LOGS, web_log(1), web_log(2), web_log(9))
    found = account(hour)
    assert (found.replayed, len(found.open)) == (0, 2)
    assert replay(hour, spelling()).replayed == 2
    assert hour.rows() == rows(WEB_LOGS, *(web_log(n) for n in (1, 2, 4, 8, 9)))
    account(hour)


def test_an_export_of_an_object_that_was_rewritten_is_refused(hour: Hour) -> None:
    """An edit of bytes that are gone is loaded beside those that replaced them."""
    key = loaded(hour, 2)
    [line] = exported(hour)
    hour.drop(key.rsplit("/", 1)[-1], encoded(web_log(5)))
    hour.run()
    line["raw"] = encoded(web_log(2)).decode()
    with pytest.raises(InvalidDocument, match="1 of the given records are not in the quarantine"):
        replay(hour, Replay(edits=edits_of(hour, [line])))
    assert hour.rows() == rows(WEB_LOGS, web_log(5))


def test_discarded_records_are_gone_by_name(hour: Hour) -> None:
    """Someone makes records vanish, and nobody knows who."""
    loaded(hour, 2, 3)
    arguments = (hour.lake, hour.warehouse, hour.spec, hour.hour)
    [first, _] = account(hour).open
    chosen = Selection(places=frozenset({first}))
    assert discard_hour(*arguments, chosen, DECISION, run_id="discard", dry_run=True) == 1
    assert account(hour).discarded == 0
    for times in (1, 0):
        assert discard_hour(*arguments, chosen, DECISION, run_id="discard") == times
    assert account(hour).discarded == 1
    assert replay(hour, spelling()).replayed == 1
    assert hour.rows() == rows(WEB_LOGS, web_log(1), web_log(3))
    with hour.warehouse.transaction() as tx:
        [(who, why)] = tx.fetch_all(
            "SELECT decided_by, decided_why FROM shopware_ops.quarantine_receipts "
            "WHERE object_key = %s AND outcome = 'discarded'",
            (first.key,),
        )
    assert (who, why) == (DECISION.who, DECISION.why)
    files = quarantined_files(hour.warehouse, hour.spec, hour.hour, hour.hour.plus(1))
    found = stats_of(hour.lake, files)
    assert (found.open, found.replayed, found.discarded, found.oldest) == (0, 1, 1, None)


def test_a_discard_that_is_cut_off_keeps_what_it_did(hour: Hour, monkeypatch: pytest.MonkeyPatch) -> None:
    """Loads wait until the last of a million records is discarded, or the second attempt discards some twice."""
    monkeypatch.setattr("weblogs_platform.pipeline.replay.BATCH_RECORDS", 2)
    loaded(hour, *range(2, 7))
    connections = itertools.count(1)

    def third_is_refused() -> object:
        if next(connections) == 3:  # the first reads what is there, each batch has one of its own
            raise ConnectionError("cut off")
        return hour.warehouse.connect()

    def discard(warehouse: Warehouse) -> int:
        return discard_hour(hour.lake, warehouse, hour.spec, hour.hour, Selection(), DECISION, run_id="x")

    with pytest.raises(WarehouseUnavailable):
        discard(replace(hour.warehouse, connect=third_is_refused))
    assert account(hour).discarded == 2
    assert discard(hour.warehouse) == 3
    found = account(hour)
    assert (found.discarded, found.open) == (5, ())


@pytest.mark.parametrize(
    "decision", [Decision(), Decision(who="me"), Decision(why="so")], ids=["nobody", "no why", "no who"]
)
def test_a_discard_says_who_and_why(hour: Hour, decision: Decision) -> None:
    with pytest.raises(InvalidName, match="who decided it and why"):
        discard_hour(hour.lake, hour.warehouse, hour.spec, hour.hour, Selection(), decision, run_id="discard")
    with pytest.raises(InvalidName, match="why is one line"):
        Decision("me", "a\nb")


def test_a_replay_makes_the_day_of_its_events_stale(hour: Hour) -> None:
    """The figures of a day miss what was repaired later."""
    table = table_named("marketing_kpi_daily")
    sessions = table_named("web_session")
    at = datetime(2020, 5, hour.hour.start.hour + 1, 12, tzinfo=UTC)
    day = (at.replace(hour=0), at.replace(hour=0) + sessions.step)
    changes = {"user_id": ..., "userId": 1, "session_id": f"of {hour.hour.path}"}
    body = encoded(web_log(1)) + encoded(web_log(2, **changes, timestamp=at.timestamp()))
    hour.drop("a", body)
    hour.run()
    assert stale_periods(hour.warehouse, sessions, first=day[0], end=day[1]) == []
    outcome = replay(hour, spelling())
    assert outcome.changed_hours == {LandingHour.containing(at): 1}
    for one in (sessions, table):
        assert stale_periods(hour.warehouse, one, first=day[0], end=day[1]) == [day[0]]
        refresh(hour.warehouse, one, *day, run_id="test")
        assert stale_periods(hour.warehouse, one, first=day[0], end=day[1]) == []
    with hour.warehouse.transaction() as tx:
        sql = "SELECT sessions FROM shopware_kpis.marketing_kpi_daily WHERE analysis_date = CAST(%s AS DATE)"
        assert tx.fetch_all(sql, (f"{at:%Y-%m-%d}",)) == [(1,)]


def test_replays_beside_loads_and_discards_settle_each_record_once(hour: Hour) -> None:
    """A replay that planned before an object was rewritten loads records of content that is gone."""
    key = loaded(hour, *range(2, 8))
    hour.drop("b", b"".join(encoded(misspelt(n)) for n in range(20, 24)) + encoded(web_log(24)))
    hour.drop(key.rsplit("/", 1)[-1], encoded(web_log(1)) + encoded(web_log(2)) + encoded(misspelt(4)))
    arguments = (hour.lake, hour.warehouse, hour.spec, hour.hour)
    with ThreadPoolExecutor(4) as pool:
        replays = [pool.submit(replay, hour, spelling()) for _ in range(2)]
        load = pool.submit(hour.run)
        discard = pool.submit(discard_hour, *arguments, Selection(), DECISION, run_id="discard")
        for work in (*replays, discard):
            work.result()
        assert load.result()[1].action == "replace"
    account(hour)
    replay(hour, spelling())
    found = account(hour)
    assert (found.records, found.loaded, found.open) == (8, 3, ())
    assert found.replayed + found.discarded == 5


@pytest.fixture
def killed_replay(warehouse_stack: Endpoints) -> Iterator[Callable[[Hour, int], str]]:
    """Replays an hour in a process of its own that is killed at a step; says `killed`, or `done` when it was not."""
    environment = {**warehouse_stack.platform_variables(), "PATH": os.environ["PATH"]}
    pipe = subprocess.PIPE
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.quarantine.child"],
        cwd=PROJECT_ROOT, env=environment, stdin=pipe, stdout=pipe, text=True,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    to, answers = process.stdin, process.stdout

    def run(hour: Hour, step: int) -> str:
        to.write(f"{hour.hour.sql[:13]} {step}\n".replace(" ", "T", 1))
        to.flush()
        return answers.readline().strip()

    yield run
    process.kill()
    process.communicate()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_replay_killed_at_any_step_loads_once(
    hour_of: Callable[..., Hour], killed_replay: Callable[[Hour, int], str]
) -> None:
    """A kill between COPY and receipts, or right after the commit, loses or doubles what was repaired."""
    expected = rows(WEB_LOGS, web_log(1), web_log(2), web_log(3))
    seen: set[int] = set()
    for step in range(1, 60):
        hour = hour_of()
        loaded(hour, 2, 3)
        end = killed_replay(hour, step)
        before = account(hour).replayed
        seen.add(before)
        assert replay(hour, spelling()).replayed == 2 - before
        assert hour.rows() == expected
        assert account(hour).open == ()
        if end == "done":
            break
        assert end == "killed"
    assert step > 15, "the steps were not counted"
    assert seen == {0, 2}, "no kill came after the commit, or none before"
