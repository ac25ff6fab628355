"""`kill -9` of a replay of quarantine, and replays beside loads and beside each other: each record comes back once."""

from __future__ import annotations

import time
from typing import Any

from tests.faults.laboratory import Hour, Laboratory, WrongResult
from tests.faults.oracle import TABLES
from tests.faults.report import Report
from tests.faults.worker import Job

AT_PLACES = "kill -9 of a replay of quarantine, at each place that it comes to"
IN_COMMIT = "kill -9 of a replay, within 30 ms of sending its commit"
AT_CHANCE = "kill -9 of a replay, at a random moment"
TOGETHER = "2 to 4 replays of one hour at once"
OVER_APPEND = "a replay while the hour loads one more object"
OVER_REPLACE = "a replay while the hour is loaded anew"

_ENDS: dict[str, list[set[str]]] = {
    OVER_APPEND: [{"append", "replayed"}],
    # Records of a version that is loaded no more cannot be replayed, and are told.
    OVER_REPLACE: [{"replace", "replayed"}, {"replace", "InvalidDocument"}],
}
_BAD: dict[str, Any] = {"records": 8, "bad_share": 0.5, "mixed": True}


def at_every_place(lab: Laboratory, report: Report, *, every: int = 1) -> None:
    """Kills a replay at each place, one after the other, in an hour of each stream by turns."""
    streams = tuple(TABLES)
    places: list[str] = []
    for name in lab.workers.run(_job(_hour(lab, streams[0]), traces=True)):
        places.append(f"{name}*{1 + sum(p.startswith(f'{name}*') for p in places)}")
    for n, place in enumerate(places[lab.chance.randrange(every) :: every]):
        hour = _hour(lab, streams[n % len(streams)])
        with report.watching(AT_PLACES):
            if lab.workers.run(_job(hour, kill_at=place)) is not None:
                raise WrongResult(f"{hour}: the replay never came to {place}")
            report.happened(AT_PLACES)
            if hour.check_whole() != (place == "replay:committed*1"):
                raise WrongResult(f"{hour}: killed at {place}")
            _bring_home(hour)


def around_commit(lab: Laboratory, report: Report, times: int) -> None:
    """Kills replays while their commit is on its way."""
    for _ in range(times):
        hour = _hour(lab, lab.chance.choice(tuple(TABLES)))
        with report.watching(IN_COMMIT):
            job = _job(hour, hold_at="replay:before_commit")
            if lab.killed_in_commit(job):
                report.happened(IN_COMMIT)
            _bring_home(hour)


def at_random(lab: Laboratory, report: Report, times: int) -> None:
    """Kills replays after a random part of the time that a replay takes."""
    if not times:
        return
    lab.workers.run(_job(_hour(lab, "web_logs")))  # the first worker waits for imports
    job = _job(_hour(lab, "web_logs"))
    began = time.monotonic()
    lab.workers.run(job)
    whole = time.monotonic() - began
    for _ in range(times):
        hour = _hour(lab, lab.chance.choice(tuple(TABLES)))
        with report.watching(AT_CHANCE):
            if lab.workers.killed_after(_job(hour), lab.chance.uniform(0.05, 1.0) * whole):
                report.happened(AT_CHANCE)
            hour.check_whole()
            _bring_home(hour)


def together(lab: Laboratory, report: Report, times: int) -> None:
    """Several replays of the same records: together they replay each once."""
    for n in range(times):
        hour = _hour(lab, lab.chance.choice(tuple(TABLES)))
        job = _job(hour, attempts=3)
        with report.watching(TOGETHER), lab.workers.several([job] * (2 + n % 3)) as workers:
            outcomes = [worker.outcome() for worker in workers]
            report.happened(TOGETHER)
            replayed = sum(rows for name, rows in outcomes if name == "replayed")
            if {name for name, _ in outcomes} != {"replayed"} or replayed != len(job.replays or ()):
                raise WrongResult(f"{hour}: {outcomes}, of {len(job.replays or ())} records")
            _bring_home(hour)


def over_a_load(lab: Laboratory, report: Report, times: int) -> None:
    """A replay beside a load of its hour: of a further object, which leaves the receipts, and of one rewritten, which
    takes them away with the rows. Which comes first is open; what is there says it."""
    for n in range(times):
        for fault in (OVER_APPEND, OVER_REPLACE):
            hour = _hour(lab, lab.chance.choice(tuple(TABLES)))
            replay = _job(hour, attempts=3)
            before = hour.repaired
            hour.deliver(key=min(hour.objects) if fault == OVER_REPLACE else None, **_BAD)
            lab.workers.run(hour.job(steps=("validate", "prepare")))
            load = hour.job(steps=("load",), attempts=3)
            with (
                report.watching(fault),
                lab.workers.several([load, replay][:: 1 if n % 2 else -1]) as workers,
            ):
                outcomes = {worker.outcome()[0] for worker in workers}
                report.happened(fault)
                if outcomes not in _ENDS[fault]:
                    raise WrongResult(f"{hour}: {outcomes}")
                if fault == OVER_REPLACE:
                    # What was replayed before is gone with the hour's rows; what came after it stays.
                    found = {receipt[:2] for receipt in hour.contents(quarantine=False).receipts}
                    hour.repaired = before & found
                hour.check_home()
                hour.repaired = frozenset(_identities(hour))
                _bring_home(hour)


def _hour(lab: Laboratory, stream: str) -> Hour:
    """A loaded hour whose bad records are to come back."""
    hour = lab.hour(stream, 0)
    while len(hour.objects) < 2:
        made = lab.traffic.delivery(stream, hour.start, **_BAD)
        if made.repairs:
            hour.put(made)
    hour.bring_home()
    hour.repaired = frozenset(_identities(hour))
    return hour


def _identities(hour: Hour) -> list[tuple[str, str]]:
    return [(made.key, etag) for made, etag in hour.objects.values()]


def _job(hour: Hour, **how: object) -> Job:
    """A replay of all that can be mended."""
    records = [
        (made.key, etag, offset, raw)
        for made, etag in hour.objects.values()
        for offset, (raw, _) in made.repairs.items()
    ]
    return hour.job(replays=tuple(records), **how)


def _bring_home(hour: Hour) -> None:
    """The same replay again, without a fault; then one more, which does nothing, and so does a load."""
    again = [hour.laboratory.workers.run(_job(hour)) for _ in range(2)]
    if again[0] is None or again[0][0] != "replayed" or again[1] != ("replayed", 0):
        raise WrongResult(f"{hour}: came home with {again}")
    hour.bring_home()
