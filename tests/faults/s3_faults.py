"""S3 that refuses, breaks off, says nothing or stops in the middle: of every request of a run, and of COPY's own.

Twice and then healed, the run goes through. For good, it fails with an error that names what it did and the object,
loads nothing, and the next run brings all home.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.faults.laboratory import Hour, Laboratory, WrongResult
from tests.faults.report import Report
from tests.faults.s3_proxy import DRIP, FAULTS, Plan
from tests.faults.worker import Job

WORDS = {
    "list": "list",
    "get": "read",
    "get_report": "read",
    "put_validated": "write",
    "put_validated_parts": "write",
    "put_invalid": "write",
    "put_invalid_parts": "write",
    "put_fingerprints": "write",
    "put_report": "write",
    "put_manifest": "write",
    "copy_reads": "read",
}
"""What an error of each operation says that could not be done."""

_SMALL = ("web_logs", {"records": 8, "bad_share": 0.3, "mixed": True})
_GOOD_PARTS = ("web_logs", {"records": 26, "padding": 1_000_000, "bad_share": 0.04, "mixed": True})
_BAD_PARTS = ("pos", {"records": 22, "padding": 1_000_000, "bad_share": 0.95, "mixed": True})
LARGE: dict[str, tuple[str, dict[str, Any]]] = {
    "get": _GOOD_PARTS,
    "put_validated_parts": _GOOD_PARTS,
    "put_invalid_parts": _BAD_PARTS,
    "copy_reads": _GOOD_PARTS,
}
"""Operations on large objects, with such an object: its split copy, or its quarantine, is written in parts."""

_DRIPS = {"get", "get_report"}
"""What is bounded by its speed, too; of a run. COPY's own bound is of a minute at least."""

_LARGE_READ_SECS = 5.0
_ATTEMPTS = 3
"""Of one step, as the asset layer has it."""


def cases() -> Iterator[tuple[str, str]]:
    """Every fault of every operation. Left out: a COPY without an answer, which the embedded server waits for by its
    own patience, of minutes."""
    for operation in WORDS:
        for fault in FAULTS:
            if (operation, fault) != ("copy_reads", "silence"):
                yield operation, fault
        if operation in _DRIPS:
            yield operation, DRIP


def every_case(lab: Laboratory, report: Report, share: float, *, large: bool = False) -> None:
    """Each fault of each operation, healing and not, plain and gzip; `large`: those of large objects alone, else those
    of small ones, which may drip too. `share`: of them all, chosen by chance."""
    operations = LARGE.keys() if large else {name for name in WORDS if not name.endswith("_parts")}
    for operation, fault in cases():
        if large and fault == DRIP:
            continue  # what its size allows it is more than anybody waits for here
        for zipped in (False, True):
            if operation in operations and lab.chance.random() < share:
                stream, how = LARGE[operation] if large else _SMALL
                how = {**how, "zipped": zipped, "kind": LargeHour if large else Hour}
                heals(lab.hour(stream, 1, **how), report, operation, fault, large=large)
                fails(lab.hour(stream, 1, **how), report, operation, fault, large=large)


class LargeHour(Hour):
    """Its runs are more patient: a part of 8 MB may take a second to be written."""

    def job(self, **how: Any) -> Job:
        return super().job(read_secs=_LARGE_READ_SECS, **how)


def heals(hour: Hour, report: Report, operation: str, fault: str, *, large: bool = False) -> None:
    """The fault twice: the run goes through."""
    line = _line(operation, "twice", large)
    with report.watching(line), _during(hour, Plan(operation, fault, 2)) as plan:
        outcome = hour.laboratory.workers.run(hour.job(attempts=_ATTEMPTS))
        if plan.struck < 2 or outcome is None or outcome[0] != "append":
            raise WrongResult(f"{hour}: {fault} of {operation}, {plan.struck} times: {outcome}")
        report.happened(line)
        hour.check_home()


def fails(hour: Hour, report: Report, operation: str, fault: str, *, large: bool = False) -> None:
    """The fault for good: the error says what and where, nothing is loaded, and the next run is whole."""
    line = _line(operation, "for good", large)
    with report.watching(line):
        with _during(hour, Plan(operation, fault, math.inf)) as plan:
            outcome = hour.laboratory.workers.run(hour.job())
        where = hour.laboratory.bucket in str(outcome) and WORDS[operation] in str(outcome)
        if not plan.struck or outcome is None or outcome[0] not in _ERRORS or not where:
            raise WrongResult(f"{hour}: {fault} of {operation}: {outcome}")
        report.happened(line)
        if hour.check_whole():
            raise WrongResult(f"{hour}: {fault} of {operation}: loaded nevertheless")
        hour.bring_home()


_ERRORS = {"LakeUnavailable", "StatementRefused", "WarehouseUnavailable"}


@contextmanager
def _during(hour: Hour, plan: Plan) -> Iterator[Plan]:
    proxy = hour.laboratory.servers.s3_proxy
    proxy.plan = plan
    try:
        yield plan
    finally:
        proxy.plan = None


def _line(operation: str, times: str, large: bool) -> str:
    return f"S3: {operation} fails {times}{', large object' if large else ''}"
