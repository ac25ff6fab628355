"""Objects, ticks, cursors and clocks that are not as one expects: the sensor and the reconcile bring everything home.

Objects vanish after the manifest, are rewritten before, during and after a load, come again under another name, or with a
time of modification that is older than what was seen. The sensor is evaluated twice, or not at all, or with a cursor
that is lost, old, foreign or garbage. Clocks are wrong by a day. Hours, days, months and years end between records.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.faults import edges
from tests.faults.kept_hours import check_quiet, home, kept_hour
from tests.faults.laboratory import Hour, Laboratory, WrongResult
from tests.faults.oracle import TABLES, Delivery
from tests.faults.report import Report
from weblogs_platform.streams import stream_named

VANISHED = "an object vanishes after the manifest was made"
REWRITTEN = "an object is rewritten before, during and after its load"
REWRITTEN_BACK = "an object is rewritten, and then is what it was before"
RENAMED = "an object comes again under another name"
RENAMED_DROP = "the same, in a stream that drops duplicates"
OLDER = "objects are modified, by S3's clock, before runs that did not see them"
PAUSES = "an hour fails again and again while S3's clock is a day off"
TICKS = "the sensor is evaluated twice, or not at all"
CURSORS = "the sensor's cursor is lost, old, foreign or garbage"
CLOCKS = "the sensor's clock is a day off"

_DAY = timedelta(days=1)
_HELD_AT = ("load:locked", "load:planned", "load:copied", "load:before_commit")
_NO_CURSORS = (
    "no JSON",
    "",
    "[1, 2]",
    '{"a": {"b": 1}}',
    "null",
    "\x00",
    '{"2024-01-01-00:00": "' + "0" * 16 + '"}',
)

Fault = Callable[[Laboratory, Report, int], None]


def every_fault(lab: Laboratory, report: Report, times: int) -> None:
    """Each kind, `times` times."""
    for n in range(times):
        for line, fault in FAULTS.items():
            with report.watching(line):
                fault(lab, report, n)


def vanished(lab: Laboratory, report: Report, n: int) -> None:
    """What is gone before its load is not loaded; what stays, and what comes, is."""
    with kept_hour(lab, n) as (hour, keeper):
        hour.deliver()
        lab.workers.run(hour.job(steps=("validate", "prepare")))
        hour.vanish(min(hour.objects))
        report.happened(VANISHED)
        home(keeper, hour)
        hour.vanish(min(hour.objects))
        hour.deliver()
        report.happened(VANISHED)
        home(keeper, hour)


def rewritten(lab: Laboratory, report: Report, n: int) -> None:
    """The last version is the one that counts, whenever it came."""
    with kept_hour(lab, n) as (hour, keeper):
        lab.workers.run(hour.job(steps=("validate", "prepare")))
        hour.deliver(key=min(hour.objects))
        report.happened(REWRITTEN)
        home(keeper, hour)
        hour.deliver()
        with lab.workers.several([hour.job(hold_at=_HELD_AT[n % len(_HELD_AT)])]) as [run]:
            if not run.wait_held():
                raise WrongResult(f"{hour}: the run never came to {_HELD_AT[n % len(_HELD_AT)]}")
            hour.deliver(key=max(hour.objects))
            run.go_on()
            run.outcome()
        report.happened(REWRITTEN)
        home(keeper, hour)
        for _ in range(2):  # within one second, and of the same size more often than not
            hour.deliver(key=min(hour.objects), records=1)
        report.happened(REWRITTEN)
        home(keeper, hour)


def rewritten_back(lab: Laboratory, report: Report, n: int) -> None:
    """A listing that was loaded once already, and is not what is loaded now."""
    with kept_hour(lab, n) as (hour, keeper):
        first = hour.objects[min(hour.objects)][0]
        home(keeper, hour)
        for _ in range(1 + n % 2):
            hour.deliver(key=first.key)
            home(keeper, hour)
            keeper.now += timedelta(minutes=10)
            hour.put(first)
            report.happened(REWRITTEN_BACK)
            home(keeper, hour)


def renamed(lab: Laboratory, report: Report, n: int) -> None:
    """The same bytes under another key are another delivery, whether the first one is still there or not: their rows,
    and their bad records, are there twice. In another hour, too."""
    with kept_hour(lab, n) as (hour, keeper):
        home(keeper, hour)
        again = _under_another_name(lab, hour, hour.start)
        hour.put(again)
        report.happened(RENAMED)
        home(keeper, hour)
        hour.vanish(min(hour.objects))
        report.happened(RENAMED)
        home(keeper, hour)


def renamed_drop(lab: Laboratory, report: Report, n: int) -> None:
    """Dropped are the rows of the second delivery, each once; its bad records are in quarantine under its own name. The
    sums hold: records = loaded + in quarantine + dropped."""
    stream = ("web_logs", "pos", "inventory")[n % 3]
    spec = replace(stream_named(stream), duplicates="drop", on_rewritten="ignore")
    with kept_hour(lab, n, spec=spec, records=8, mixed=True) as (hour, keeper):
        home(keeper, hour)
        hour.put(replace(_under_another_name(lab, hour, hour.start), rows=()))
        report.happened(RENAMED_DROP)
        home(keeper, hour)
        hour.vanish(min(hour.objects))
        report.happened(RENAMED_DROP)
        home(keeper, hour)
        _check_sums(hour)


def older(lab: Laboratory, report: Report, n: int) -> None:
    """What decides whether an hour was tried is its content, and not whose clock is ahead: an upload in parts has the
    time of its beginning, and S3's clock may be behind."""
    with kept_hour(lab, n) as (hour, keeper):
        for _ in range(7):
            keeper.tick()
            hour.deliver()
            keeper.now += timedelta(seconds=30)
        keeper.s3_ahead = -_DAY
        report.happened(OLDER)
        home(keeper, hour)


def pauses(lab: Laboratory, report: Report, n: int) -> None:
    """Attempts are counted whether S3's clock is ahead or behind: an hour that cannot be loaded is not run for ever,
    and once it is repaired it is loaded at once."""
    with kept_hour(lab, n, stream="web_logs", bad_share=1.0, records=4) as (hour, keeper):
        keeper.now, keeper.s3_ahead = datetime.now(UTC), (_DAY, -_DAY)[n % 2]
        hours = [request.partition_key for request in keeper.look()]
        if hours:
            raise WrongResult(f"{hour}: the sensor sees {hours}, beyond its days")
        ran = [keeper.reconcile()]
        keeper.now = datetime.now(UTC)  # runs have the real time
        ran += [keeper.reconcile(), keeper.reconcile()]
        report.happened(PAUSES)
        if ran != [1, 0, 0]:
            raise WrongResult(f"{hour}: runs at once, one after the other: {ran}; {keeper.skipped}")
        for key in list(hour.objects):
            hour.deliver(key=key, records=4, bad_share=0)
        home(keeper, hour)


def ticks(lab: Laboratory, report: Report, n: int) -> None:
    """Twice before its runs begin, twice over the same cursor, with the older answer last; or never, and then the
    reconcile alone."""
    with kept_hour(lab, n) as (hour, keeper):
        for request in [*keeper.look(), *keeper.look()]:
            keeper.run(request)
        report.happened(TICKS)
        home(keeper, hour)
        hour.deliver()
        cursor = keeper.cursor
        keeper.tick()
        hour.deliver()
        keeper.tick()
        keeper.cursor = cursor
        report.happened(TICKS)
        home(keeper, hour)
        hour.deliver(key=min(hour.objects))
        hour.deliver()
        report.happened(TICKS)
        keeper.reconcile()
        hour.check_home()
        check_quiet(keeper, hour)


def cursors(lab: Laboratory, report: Report, n: int) -> None:
    """A cursor saves a query and decides nothing: what it hides, the reconcile finds."""
    with kept_hour(lab, n) as (hour, keeper):
        home(keeper, hour)
        old = keeper.cursor
        for cursor in (None, old, _NO_CURSORS[n % len(_NO_CURSORS)]):
            hour.deliver()
            keeper.cursor = cursor
            report.happened(CURSORS)
            keeper.tick()
            hour.check_home()
        # And one that says of this very content that it is loaded, as after a warehouse was set back.
        key = hour.start.strftime("%Y-%m-%d-%H:00")
        confirmed = json.loads(keeper.cursor or "{}")
        keeper.tick()
        confirmed = json.loads(keeper.cursor or "{}")
        if key not in confirmed:
            raise WrongResult(f"{hour}: the cursor does not have it: {confirmed}")
        _set_back(lab, hour)
        report.happened(CURSORS)
        if keeper.tick():
            raise WrongResult(f"{hour}: the sensor looks past its cursor")
        keeper.now += timedelta(minutes=10)
        keeper.reconcile()
        hour.check_home()


def clocks(lab: Laboratory, report: Report, n: int) -> None:
    """A clock that is behind leaves hours for later; one that is ahead looks less far back. Set right, or seen by the
    reconcile, everything comes home."""
    for ahead, comes_home in ((-_DAY, False), (_DAY, True), (5 * _DAY, False)):
        with kept_hour(lab, n) as (hour, keeper):
            right = keeper.now
            keeper.now += ahead
            keeper.tick()
            report.happened(CLOCKS)
            if hour.check_whole() != comes_home:
                raise WrongResult(
                    f"{hour}: loaded by a clock {ahead} ahead is not {comes_home}; {keeper.skipped}"
                )
            if ahead > timedelta():
                keeper.reconcile()
                hour.check_home()
            hour.deliver()
            keeper.now = right
            home(keeper, hour)


FAULTS: dict[str, Fault] = {
    VANISHED: vanished,
    REWRITTEN: rewritten,
    REWRITTEN_BACK: rewritten_back,
    RENAMED: renamed,
    RENAMED_DROP: renamed_drop,
    OLDER: older,
    PAUSES: pauses,
    TICKS: ticks,
    CURSORS: cursors,
    CLOCKS: clocks,
    edges.EDGES: edges.edges,
}


def _under_another_name(lab: Laboratory, hour: Hour, start: datetime) -> Delivery:
    """The hour's first object under a name of its own; times in names of batch files are the same."""
    made = hour.objects[min(hour.objects)][0]
    name = lab.traffic.delivery(hour.stream, start, zipped=made.key.endswith(".gz"), records=0).key
    delivered = _delivered_at(name) if hour.stream in {"pos", "inventory"} else None
    rows = tuple(_delivered(row, delivered) for row in made.rows)
    bad = tuple((name, *one[1:]) for one in made.bad)
    return Delivery(name, made.body, rows, bad)


def _delivered_at(key: str) -> datetime:
    return datetime.strptime(key.partition("_")[2].partition(".")[0], "%Y%m%d_%H%M%S")  # noqa: DTZ007


def _delivered(row: tuple[Any, ...], at: datetime | None) -> tuple[Any, ...]:
    """The row as of another delivery: batch rows end with delivered_at, record_number, landing_hour, event_at."""
    return row if at is None else (*row[:-4], at, *row[-3:])


def _check_sums(hour: Hour) -> None:
    with hour.laboratory.servers.warehouse.transaction() as tx:
        lines = tx.fetch_all(
            "SELECT object_key, records, loaded, quarantined, duplicates_dropped FROM shopware_ops.load_history "
            "WHERE stream = %s AND landing_hour = CAST(%s AS TIMESTAMP) AND superseded_at IS NULL",
            (hour.stream, f"{hour.start}"),
        )
    dropped = sum(int(line[4]) for line in lines)
    wrong = [key for key, records, *parts in lines if int(records) != sum(map(int, parts))]
    if wrong or not dropped:
        raise WrongResult(f"{hour}: {dropped} dropped; the sums of {wrong} do not hold")


def _set_back(lab: Laboratory, hour: Hour) -> None:
    """The warehouse forgets the hour."""
    at = (f"{hour.start}",)
    with lab.servers.warehouse.transaction() as tx:
        tx.execute(f"DELETE FROM {TABLES[hour.stream]} WHERE landing_hour = CAST(%s AS TIMESTAMP)", at)
        tx.execute(
            "DELETE FROM shopware_ops.load_history WHERE landing_hour = CAST(%s AS TIMESTAMP) AND stream = %s",
            (*at, hour.stream),
        )
