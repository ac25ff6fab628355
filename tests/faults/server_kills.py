"""`kill -9` of Redshift and of S3 under a load, and commits whose answer is lost."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.faults.laboratory import Hour, Laboratory, WrongResult
from tests.faults.oracle import TABLES
from tests.faults.report import Report
from tests.faults.s3_proxy import Plan
from tests.faults.worker import Job, Worker

REDSHIFT = "kill -9 of Redshift, between the statements of a load"
IN_COPY = "kill -9 of Redshift, while COPY reads"
AFTER_COMMIT = "kill -9 of Redshift, after its commit and before the answer arrives"
LOST_ANSWER = "the answer of a commit is lost"
S3 = "kill -9 of S3 under a run"

_PLACES = ("load:locked", "load:copied", "load:recorded", "load:before_commit")
_S3_PLACES = (
    "validate:listed",
    "object:scanned",
    "validate:report_made",
    "manifest:made",
    "load:locked",
    "load:staging_created",
)
_PATIENCE_SECS = 20.0
_COMMIT_REQUESTS = 2
"""The driver has a COMMIT parsed, and then executes it."""


def redshift(lab: Laboratory, report: Report, times: int) -> None:
    """Each kind of kill, `times` times."""
    for n in range(times):
        for fault, strike in (
            (REDSHIFT, lambda hour, n=n: _between_statements(hour, _PLACES[n % len(_PLACES)])),
            (IN_COPY, _in_copy),
            (AFTER_COMMIT, lambda hour: _answer_lost(hour, kills=True)),
            (LOST_ANSWER, lambda hour: _answer_lost(hour, kills=False)),
        ):
            _try(lab, report, fault, strike)


def s3(lab: Laboratory, report: Report, times: int) -> None:
    """Kills S3 at one place of a run after the other."""
    for n in range(times):
        _try(lab, report, S3, lambda hour, n=n: _s3_killed(hour, _S3_PLACES[n % len(_S3_PLACES)]))


def _try(lab: Laboratory, report: Report, fault: str, strike: Callable[[Hour], None]) -> None:
    hour = lab.hour(lab.chance.choice(tuple(TABLES)), 1)
    with report.watching(fault):
        if lab.chance.random() < 0.5:
            hour.bring_home()
            hour.deliver()
            hour.deliver(key=min(hour.objects))
        report.happened(fault)
        strike(hour)
        hour.bring_home()


def _between_statements(hour: Hour, place: str) -> None:
    with _held(hour, hour.job(hold_at=place)) as worker:
        redshift_server = hour.laboratory.servers.redshift
        redshift_server.kill()
        try:
            worker.go_on()
            _expect(worker.outcome(), "WarehouseUnavailable")
        finally:
            redshift_server.restart()
    _expect_state(hour, loaded=False)


def _in_copy(hour: Hour) -> None:
    servers = hour.laboratory.servers
    servers.s3_proxy.plan = Plan("copy_reads", "reset", 1, on_strike=servers.redshift.kill)
    _expect(hour.laboratory.workers.run(hour.job()), "WarehouseUnavailable")
    servers.s3_proxy.plan = None
    servers.redshift.restart()
    _expect_state(hour, loaded=False)


def _answer_lost(hour: Hour, *, kills: bool) -> None:
    servers = hour.laboratory.servers
    with _held(hour, hour.job(hold_at="load:before_commit")) as worker:
        servers.wire_proxy.swallow_the_answer(_COMMIT_REQUESTS)
        try:
            worker.go_on()
            _wait_committed(hour)
            if kills:
                servers.redshift.kill()
        finally:
            servers.wire_proxy.hang_up()
        _expect(worker.outcome(), "WarehouseUnavailable")
    if kills:
        servers.redshift.restart()
    _expect_state(hour, loaded=True)
    _expect(hour.laboratory.workers.run(hour.job(steps=("load",))), "nothing")


def _wait_committed(hour: Hour) -> None:
    deadline = time.monotonic() + _PATIENCE_SECS
    while not hour.check_whole():
        if time.monotonic() > deadline:
            raise WrongResult(f"{hour}: the commit did not arrive")


def _s3_killed(hour: Hour, place: str) -> None:
    servers = hour.laboratory.servers
    with _held(hour, hour.job(hold_at=place)) as worker:
        servers.s3.kill()
        try:
            worker.go_on()
            # What COPY cannot read is an error of Redshift's.
            _expect(worker.outcome(), "LakeUnavailable", "StatementRefused", says=hour.laboratory.bucket)
        finally:
            servers.s3.restart()
    _expect_state(hour, loaded=False)


@contextmanager
def _held(hour: Hour, job: Job) -> Iterator[Worker]:
    """The hour's run, at its place; it does not outlive the block."""
    worker = hour.laboratory.workers.start(job)
    try:
        if not worker.wait_held():
            raise WrongResult(f"{hour}: the run never came to {job.hold_at}")
        yield worker
    finally:
        worker.kill()
        worker.end()


def _expect(outcome: tuple[str, object] | None, *names: str, says: str = "") -> None:
    if outcome is None or outcome[0] not in names or says not in str(outcome[1]):
        raise WrongResult(f"{outcome} instead of {' or '.join(names)}, which should say {says!r}")


def _expect_state(hour: Hour, *, loaded: bool) -> None:
    if hour.check_whole() != loaded:
        raise WrongResult(f"{hour}: loaded is not {loaded}")
