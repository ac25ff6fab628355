"""`kill -9` of a run: at every place that it comes to, around the commit, and at moments of chance.

After each kill the hour must be as it was or as it shall be; a kill may follow on another; and in the end the same run
again, without help, brings exactly the delivered content home.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

from tests.faults.laboratory import Hour, Laboratory, WrongResult
from tests.faults.oracle import TABLES
from tests.faults.report import Report
from weblogs_platform.settings import PROJECT_ROOT

AT_PLACES = "kill -9 of a run, at each place that it comes to"
NEAR_COMMIT = "kill -9 of a load, between the statements around its commit"
IN_COMMIT = "kill -9 of a load, within 30 ms of sending its commit"
AT_CHANCE = "kill -9 of a run, at a random moment"

BETWEEN_STEPS = "kill -9 of `weblogs load`, between the steps of its Dagster run"

COMMIT_PLACES = (
    "load:inserted",
    "load:staging_dropped",
    "load:recorded",
    "load:changed_hours_read",
    "load:ledger_read",
    "load:before_commit",
    "load:committed",
)
_HOME_EVERY = 4


def at_every_place(
    lab: Laboratory,
    report: Report,
    stream: str,
    *,
    every: int = 1,
    fault: str = AT_PLACES,
    kind: type[Hour] = Hour,
    steps: str = "",
) -> None:
    """Kills a run at each place, one after the other: of loads that append, and of loads that replace.
    `every`: only each so manieth place, beginning anywhere. `kind` of hours; `steps`: how the places' names begin."""
    for work in (_append, _replace):
        places = [place for place in _places(lab, stream, work, kind) if place.startswith(steps)]
        hour = lab.hour(stream, 1, kind=kind)
        if work is _replace:
            hour.bring_home()
        at_places(
            hour, report, places[lab.chance.randrange(every) :: every], rewrites=work is _replace, fault=fault
        )


def at_places(
    hour: Hour, report: Report, places: Sequence[str], *, rewrites: bool, fault: str = AT_PLACES
) -> None:
    """Kills the hour's runs at these places, each after an object came, or (`rewrites`) was written again."""
    for place in places:
        if hour.is_home:
            (_replace if rewrites else _append)(hour)
        with report.watching(fault):
            _killed(hour, report, fault, place)
    with report.watching(fault):
        hour.bring_home()


def around_commit(lab: Laboratory, report: Report, times: int) -> None:
    """Kills loads where it matters most, half of them while the commit is on its way."""
    hour = _new_hour(lab)
    for n in range(times):
        if hour.is_home or n % _HOME_EVERY == 0:
            with report.watching(NEAR_COMMIT):
                hour.bring_home()
            hour = _new_hour(lab) if lab.chance.random() < 0.2 else hour
            lab.chance.choice((_append, _replace))(hour)
            lab.workers.run(hour.job(steps=("validate", "prepare")))
        if n % 2:
            with report.watching(NEAR_COMMIT):
                _killed(hour, report, NEAR_COMMIT, lab.chance.choice(COMMIT_PLACES), steps=("load",))
        else:
            with report.watching(IN_COMMIT):
                _killed_in_commit(lab, hour, report)
    with report.watching(NEAR_COMMIT):
        hour.bring_home()


def at_random(lab: Laboratory, report: Report, times: int) -> None:
    """Kills runs after a random part of the time that a run takes."""
    hour = _new_hour(lab)
    began = time.monotonic()
    lab.workers.run(hour.job())
    whole = time.monotonic() - began
    hour.check_whole()
    for n in range(times):
        if hour.is_home:
            hour = _new_hour(lab) if lab.chance.random() < 0.3 else hour
            lab.chance.choice((_append, _replace))(hour)
        with report.watching(AT_CHANCE):
            if lab.workers.killed_after(hour.job(), lab.chance.uniform(0.05, 1.0) * whole):
                report.happened(AT_CHANCE)
            hour.check_whole()
            if n % _HOME_EVERY == 0:
                hour.bring_home()
    with report.watching(AT_CHANCE):
        hour.bring_home()


def between_steps(lab: Laboratory, report: Report, times: int) -> None:
    """Kills `weblogs load` before, after and between its assets; then the same command again."""
    assets = (
        "landing/web_logs",
        "validated/web_logs",
        "manifest/web_logs",
        "shopware_stream/web_logs_stream",
    )
    places = [
        f"{asset}:{what}"
        for asset in (*assets, "event_hours/web_logs")
        for what in ("begins", "made", "recorded")
    ]
    for n in range(times):
        hour = lab.hour("web_logs", 2)
        place = places[(7 * n + 10) % len(places)]
        with report.watching(BETWEEN_STEPS):
            if _weblogs_load(hour, place) != -signal.SIGKILL:
                raise WrongResult(f"{hour}: `weblogs load` never came to {place}")
            report.happened(BETWEEN_STEPS)
            if hour.check_whole() != (places.index(place) > places.index(f"{assets[3]}:begins")):
                raise WrongResult(f"{hour}: killed at {place}")
            if _weblogs_load(hour, "") != 0:
                raise WrongResult(f"{hour}: `weblogs load` failed after a kill at {place}")
            hour.check_home()


def _weblogs_load(hour: Hour, place: str) -> int:
    """The exit status of the command, in a process of its own."""
    endpoints = hour.laboratory.servers.endpoints
    bounds = [f"{hour.start + timedelta(hours=n):%Y-%m-%dT%H}" for n in (0, 1)]
    command = ["load", "--stream", hour.stream, "--from", bounds[0], "--to", bounds[1]]
    variables = {"WEBLOGS_HOME": str(endpoints.home), "WEBLOGS_FAILPOINT": place, "PATH": os.environ["PATH"]}
    return subprocess.run(
        [sys.executable, "-m", "weblogs_platform.cli", *command],
        cwd=PROJECT_ROOT,
        env={**endpoints.platform_variables(), **variables},
        capture_output=True,
        check=False,
    ).returncode


def _killed(
    hour: Hour,
    report: Report,
    fault: str,
    place: str,
    steps: tuple[str, ...] = ("validate", "prepare", "load"),
) -> None:
    """Kills the hour's run at a place. A run that never came there has nothing more to do: then all is loaded."""
    said = hour.laboratory.workers.run(hour.job(kill_at=place, steps=steps))
    is_loaded = hour.check_whole()
    if said is None:
        report.happened(fault)
        if is_loaded != (place.partition("*")[0] == "load:committed"):
            raise WrongResult(f"{hour}: killed at {place}, loaded: {is_loaded}")
    elif not is_loaded:
        raise WrongResult(f"{hour}: {said}, and nothing is loaded")


def _killed_in_commit(lab: Laboratory, hour: Hour, report: Report) -> None:
    job = hour.job(steps=("load",), hold_at="load:before_commit")
    if lab.killed_in_commit(job):
        report.happened(IN_COMMIT)
    # The server may be at it still: a load that begins now waits for it.
    if lab.workers.run(hour.job(steps=("load",)))[0] not in {"append", "replace", "nothing"}:
        raise WrongResult(f"{hour}: a load after the kill failed")
    if not hour.check_whole():
        raise WrongResult(f"{hour}: not loaded after the kill and a load")


def _places(lab: Laboratory, stream: str, work: object, kind: type[Hour]) -> list[str]:
    """What WEBLOGS_FAILPOINT can name in such a run: each place, as often as the run comes there."""
    hour = lab.hour(stream, 1, kind=kind)
    if work is _replace:
        hour.bring_home()
        _replace(hour)
    seen: Counter[str] = Counter()
    places: list[str] = []
    for name in lab.workers.run(hour.job(traces=True)):
        seen[name] += 1
        places.append(f"{name}*{seen[name]}")
    hour.check_home()
    return places


def _new_hour(lab: Laboratory) -> Hour:
    hour = lab.hour(lab.chance.choice(tuple(TABLES)), lab.chance.randint(1, 3))
    hour.bring_home()
    return hour


def _append(hour: Hour) -> None:
    hour.deliver()


def _replace(hour: Hour) -> None:
    hour.deliver(key=hour.laboratory.chance.choice(sorted(hour.objects)))
