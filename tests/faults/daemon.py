"""`kill -9` of Dagster under its runs: of `dagster dev` with all that it started, as a power cut does, or of the daemon
alone. Started again, it brings everything home by its own sensors: nobody helps, and no run is under way for ever."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.browser.dagster_api import DagsterApi, wait_for
from tests.faults.laboratory import Hour, Laboratory, WrongResult
from tests.faults.oracle import TABLES
from tests.faults.report import Report
from tests.faults.servers import Server
from weblogs_platform.core.statements import LockLoads

POWER = "kill -9 of `dagster dev` and all its processes, runs under way"
DAEMON = "kill -9 of Dagster's daemon, runs under way"

_BEGIN_SECS = 150.0
_HOME_SECS = 300.0
_OVER = {"SUCCESS", "FAILURE", "CANCELED"}


def kills(lab: Laboratory, report: Report, times: int) -> None:
    """Kills it `times` times, as a whole and the daemon alone by turns."""
    if not times:
        return
    dagster = lab.servers.start_dagster()
    try:
        for n in range(times):
            fault, strike = ((POWER, Server.kill_all), (DAEMON, _kill_daemon))[n % 2]
            with report.watching(fault):
                _try(lab, report, fault, dagster, strike, held=n % 4 < 2)
    finally:
        dagster.stop()


def _try(
    lab: Laboratory,
    report: Report,
    fault: str,
    dagster: Server,
    strike: Callable[[Server], None],
    *,
    held: bool,
) -> None:
    """`held`: the runs stand at the lock of all loads when they are killed; else anywhere."""
    api = DagsterApi(str(lab.servers.endpoints.dagster_url))
    hours = _recent(lab)
    with _loads_held(lab) if held else nullcontext():
        wait_for(lambda: [r for r in api.runs() if r.status == "STARTED"], _BEGIN_SECS, "a run under way")
        if not held:
            time.sleep(lab.chance.uniform(0, 6))
        strike(dagster)
        report.happened(fault)
    for hour in hours:
        hour.check_whole()
    dagster.restart()
    wait_for(lambda: all(_is_home(hour) for hour in hours), _HOME_SECS, f"the hours after a {fault}")
    wait_for(lambda: all(r.status in _OVER for r in api.runs()), _HOME_SECS, "the end of all runs")
    for hour in hours:
        hour.check_home()


def _recent(lab: Laboratory) -> list[Hour]:
    """An hour of each stream that the sensors look at, and nobody has had."""
    taken = {hour.start for hour in lab.hours}
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0, tzinfo=None)
    start = next(h for n in range(1, 60) if (h := now - timedelta(hours=n)) not in taken)
    return [lab.hour(stream, 2, start=start) for stream in TABLES]


@contextmanager
def _loads_held(lab: Laboratory) -> Iterator[None]:
    with lab.servers.warehouse.transaction() as tx:
        tx.execute(LockLoads())
        yield


def _is_home(hour: Hour) -> bool:
    return hour.contents(quarantine=False).ledger == hour.expected.ledger


def _kill_daemon(dagster: Server) -> None:
    """The daemon of `dagster dev` alone; the rest goes when it is started again."""
    found = [p.pid for p in dagster.processes() if b"dagster._daemon" in _command(p.pid)]
    if not found:
        raise WrongResult("`dagster dev` has no daemon")
    for pid in found:
        os.kill(pid, signal.SIGKILL)


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""
