"""Runs at the same time, and objects that change under them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from tests.faults.laboratory import Hour, Laboratory, WrongResult
from tests.faults.oracle import TABLES, Delivery
from tests.faults.policy_kills import IgnoringHour
from tests.faults.report import Report

LOADERS = "2 to 8 loads of one hour at once"
RUNS = "2 to 8 whole runs of one hour at once, objects arriving"
REFRESH = "refreshes of a derived table while its hours load"
REWRITTEN = "an object is rewritten under a run"
LEFT_OUT = "an object is rewritten under a run that leaves rewritten objects out"
VANISHED = "an object vanishes under a run"

_PLACES = (
    "load:manifests_written",
    "validate:listed",
    "object:scanned",
    "validate:report_written",
    "load:locked",
    "load:copied",
    "load:committed",
)
_DONE = {"append", "replace", "nothing"}
_LOSES = {"ObjectChanged", "LoadConflict", "StatementRefused", "LakeUnavailable"}
"""How a run may end whose objects change under it."""


def loaders(lab: Laboratory, report: Report, times: int) -> None:
    """One of them loads, all others find nothing to do."""
    for n in range(times):
        hour = lab.hour(lab.chance.choice(tuple(TABLES)), 2)
        lab.workers.run(hour.job(steps=("validate", "prepare")))
        outcomes = _at_once(hour, 2 + n % 7, steps=("load",))
        report.happened(LOADERS)
        with report.watching(LOADERS):
            if sorted(outcomes) != sorted(["append"] + ["nothing"] * (len(outcomes) - 1)):
                raise WrongResult(f"{hour}: {outcomes}")
            hour.check_home()


def runs(lab: Laboratory, report: Report, times: int) -> None:
    """Backfills over live traffic: objects come and are rewritten while several runs work on the hour."""
    for n in range(times):
        hour = lab.hour(lab.chance.choice(tuple(TABLES)), 2)
        with report.watching(RUNS), lab.workers.several([hour.job(attempts=3)] * (2 + n % 7)) as workers:
            for _ in range(4):
                hour.deliver()
            hour.deliver(key=lab.chance.choice(sorted(hour.objects)))
            outcomes = [worker.outcome()[0] for worker in workers]
            report.happened(RUNS)
            if not _DONE.issuperset(outcomes) and not _LOSES.issuperset(set(outcomes) - _DONE):
                raise WrongResult(f"{hour}: {outcomes}")
            hour.bring_home()


def refreshes(lab: Laboratory, report: Report, times: int) -> None:
    """A refresh over a load: none fails for good, and one more refresh holds what the tables hold."""
    for _ in range(times):
        hours = [lab.hour("web_logs", 2, bad_share=0) for _ in range(3)]
        jobs = [hour.job(attempts=3) for hour in hours]
        jobs += [hours[0].job(refreshes="web_traffic_hourly") for _ in range(3)]
        with report.watching(REFRESH), lab.workers.several(jobs) as workers:
            outcomes = [worker.outcome()[0] for worker in workers]
            report.happened(REFRESH)
            if outcomes != ["append"] * 3 + ["refreshed"] * 3:
                raise WrongResult(f"{hours[0]}: {outcomes}")
            _check_traffic(hours[0])
            for hour in hours:
                hour.check_home()


def changes(lab: Laboratory, report: Report, times: int) -> None:
    """Objects that are rewritten, or vanish, while a run stands at one of its places."""
    for n in range(times):
        for fault, change in ((REWRITTEN, _rewrite), (VANISHED, Hour.vanish)):
            hour = lab.hour(lab.chance.choice(tuple(TABLES)), 2)
            with report.watching(fault):
                _changed_under(hour, n, lambda key, change=change, hour=hour: change(hour, key))
                report.happened(fault)
                hour.bring_home()


def left_out(lab: Laboratory, report: Report, times: int) -> None:
    """The same with `on_rewritten` as `ignore` and as `alert`: the version that the ledger names after the run is the one
    whose rows stay, and the other one is noted."""
    for n in range(times):
        for stream in ("web_logs", "pos"):
            hour = lab.hour(stream, 2, kind=IgnoringHour)
            assert isinstance(hour, IgnoringHour)
            with report.watching(LEFT_OUT):
                first = hour.objects[min(hour.objects)]
                made: list[Delivery] = []
                _changed_under(hour, n, lambda key, hour=hour, made=made: made.append(hour.deliver(key=key)))
                report.happened(LEFT_OUT)
                loaded = {line[:2] for line in hour.contents().ledger}
                if (made[0].key, first[1]) not in loaded:
                    hour.objects[made[0].key] = made[0], hour.left_out.pop(made[0].key)
                hour.bring_home()


def _changed_under(hour: Hour, n: int, change: Callable[[str], object]) -> None:
    """Changes the hour's first object while a run stands at one of its places."""
    place = _PLACES[n % len(_PLACES)]
    with hour.laboratory.workers.several([hour.job(hold_at=place)]) as [run]:
        if not run.wait_held():
            raise WrongResult(f"{hour}: never came to {place}")
        change(min(hour.objects))
        run.go_on()
        outcome = run.outcome()
    if outcome[0] not in _DONE | _LOSES:
        raise WrongResult(f"{hour}: {outcome}")


def _rewrite(hour: Hour, key: str) -> None:
    hour.deliver(key=key)


def _at_once(hour: Hour, count: int, **how: Any) -> list[str]:
    with hour.laboratory.workers.several([hour.job(**how)] * count) as workers:
        return [worker.outcome()[0] for worker in workers]


def _check_traffic(hour: Hour) -> None:
    """After one more refresh of the hour's day: as many events an hour as were delivered."""
    lab, day = hour.laboratory, hour.start.replace(hour=0)
    lab.workers.run(hour.job(refreshes="web_traffic_hourly"))
    wanted: Counter[Any] = Counter(
        row[-1].replace(minute=0, second=0, microsecond=0)
        for one in lab.hours
        if one.stream == "web_logs"
        for row in one.contents(quarantine=False).rows.elements()
        if day <= row[-1] < day + timedelta(days=1)
    )
    sql = (
        "SELECT event_hour, SUM(events) FROM shopware_kpis.web_traffic_hourly WHERE event_hour >= CAST(%s AS TIMESTAMP) "
        "AND event_hour < CAST(%s AS TIMESTAMP) GROUP BY event_hour"
    )
    with lab.servers.warehouse.transaction() as tx:
        rows = tx.fetch_all(sql, (f"{day}", f"{day + timedelta(days=1)}"))
    found = {start: int(events) for start, events in rows}
    if found != dict(wanted):
        raise WrongResult(f"web_traffic_hourly of {day:%Y-%m-%d}: {found} instead of {dict(wanted)}")
