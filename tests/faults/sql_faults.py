"""Redshift that refuses a statement, or drops the connection: a conflict, a lock that is waited for too long, a
shutdown, a right that is missing.

What may pass is tried again, three times at most; what needs a person is not. Either way nothing is half there.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from tests.faults.laboratory import Hour, Laboratory, WrongResult
from tests.faults.oracle import TABLES
from tests.faults.report import Report
from tests.faults.statement_proxy import StatementProxy, Strike
from tests.faults.worker import Workers

HEALS = "Redshift: {} twice"
STAYS = "Redshift: {} for good"
TERMINAL = "Redshift: {}"

_CYCLE = "Serializable isolation violation on table - 108110, transactions forming the cycle are: 9142, 9143 (pid:7)"


@dataclass(frozen=True)
class Fault:
    """What Redshift answers (None: nothing, the connection is gone), and what it is to the platform."""

    answer: tuple[str, str] | None
    error: str


TRANSIENT = {
    "a serialization error (40001, 1023)": Fault(("40001", f"1023 {_CYCLE}"), "LoadConflict"),
    "a serialization error (1023 as XX000)": Fault(("XX000", "1023"), "LoadConflict"),
    "a deadlock (40P01)": Fault(("40P01", "deadlock detected"), "LoadConflict"),
    "a lock that is not to be had (55P03)": Fault(
        ("55P03", "could not obtain lock on relation"), "LoadConflict"
    ),
    "a wait for a lock cut off (57014)": Fault(
        ("57014", "Query cancelled on statement timeout"), "LoadConflict"
    ),
    "a shutdown (57P01)": Fault(
        ("57P01", "terminating connection due to administrator command"), "WarehouseUnavailable"
    ),
    "a dropped connection": Fault(None, "WarehouseUnavailable"),
}
REFUSALS = {
    "permission denied (42501)": Fault(
        ("42501", "permission denied for relation load_history"), "AccessRefused"
    ),
    "an undefined table (42P01)": Fault(
        ("42P01", 'relation "load_history" does not exist'), "StatementRefused"
    ),
}
PLACES = ("LOCK", "COPY", "INSERT INTO shopware_ops.load_history", "commit")
"""How the statements begin that are struck."""

_ATTEMPTS = 3


def every_case(lab: Laboratory, report: Report, share: float) -> None:
    """Each fault at each place. `share`: of them all, chosen by chance."""
    with workers(lab) as proxied:
        for place in PLACES:
            for name in TRANSIENT:
                if lab.chance.random() < share:
                    heals(proxied, report, name, place)
                    stays(proxied, report, name, place)
            for name in REFUSALS:
                if lab.chance.random() < share:
                    refuses(proxied, report, name, place)


@dataclass(frozen=True)
class Proxied:
    """Workers that come to Redshift through the proxy."""

    laboratory: Laboratory
    proxy: StatementProxy
    workers: Workers

    def outcome(self, hour: Hour, strike: Strike) -> tuple[str, object] | None:
        """Of a load of the hour, tried as often as the asset layer does."""
        self.laboratory.workers.run(hour.job(steps=("validate", "prepare")))
        self.proxy.strike = strike
        try:
            return self.workers.run(hour.job(steps=("load",), attempts=_ATTEMPTS))
        finally:
            self.proxy.strike = None


@contextmanager
def workers(lab: Laboratory) -> Iterator[Proxied]:
    """While the block runs."""
    servers = lab.servers
    proxy = StatementProxy(servers.direct.redshift.port, servers.endpoints.home / "tls")
    try:
        redshift = replace(servers.settings.redshift, port=proxy.port)
        yield Proxied(lab, proxy, Workers(replace(servers.settings, redshift=redshift)))
    finally:
        proxy.close()


def heals(proxied: Proxied, report: Report, name: str, place: str) -> None:
    """Twice, then no more: the step goes through."""
    line, hour, strike = HEALS.format(name), _hour(proxied), Strike(place, TRANSIENT[name].answer, 2)
    with report.watching(line):
        outcome = proxied.outcome(hour, strike)
        if strike.struck != 2 or outcome is None or outcome[0] not in {"append", "replace"}:
            raise WrongResult(f"{hour}: {name} at {place}, {strike.struck} times: {outcome}")
        report.happened(line)
        hour.check_home()


def stays(proxied: Proxied, report: Report, name: str, place: str) -> None:
    """For good: it is tried three times, fails as what may pass, and the next run is whole."""
    _fails(proxied, report, STAYS.format(name), TRANSIENT[name], place, tries=_ATTEMPTS)


def refuses(proxied: Proxied, report: Report, name: str, place: str) -> None:
    """What a person has to mend is tried once."""
    _fails(proxied, report, TERMINAL.format(name), REFUSALS[name], place, tries=1)


def _fails(proxied: Proxied, report: Report, line: str, fault: Fault, place: str, *, tries: int) -> None:
    hour, strike = _hour(proxied), Strike(place, fault.answer, math.inf)
    with report.watching(line):
        outcome = proxied.outcome(hour, strike)
        says = fault.answer[1] if fault.answer else "Redshift"
        if (
            strike.struck != tries
            or outcome is None
            or outcome[0] != fault.error
            or says not in str(outcome[1])
        ):
            raise WrongResult(f"{hour}: {line} at {place}, {strike.struck} times: {outcome}")
        report.happened(line)
        if hour.check_whole():
            raise WrongResult(f"{hour}: {line} at {place}: loaded nevertheless")
        hour.bring_home()


def _hour(proxied: Proxied) -> Hour:
    """One that is to append, or to be loaded anew."""
    lab = proxied.laboratory
    hour = lab.hour(lab.chance.choice(tuple(TABLES)), 2)
    if lab.chance.random() < 0.3:
        hour.bring_home()
        hour.deliver(key=min(hour.objects))
    return hour
