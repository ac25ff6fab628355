"""Validation of an hour: every new object is read once, two at a time; those already reported are not read again.

The hour's report stands in S3 and is what the later steps read. An hour validated twice is the same report.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from weblogs_platform.bulk.screen import WORTH_A_CLOSER_LOOK, Screen
from weblogs_platform.clients.lake import Lake, ObjectMissing
from weblogs_platform.core import failpoints
from weblogs_platform.core.errors import (
    AccessRefused,
    HourNotValidated,
    InvalidDocument,
    LakeUnavailable,
    Transient,
    WeblogsError,
)
from weblogs_platform.core.keys import LandingObject, hour_report_key
from weblogs_platform.core.partitions import LandingHour
from weblogs_platform.core.report import FileReport, HourReport
from weblogs_platform.core.spec import StreamSpec
from weblogs_platform.pipeline.landing import list_hour
from weblogs_platform.pipeline.validate_object import Names, Validated, validate_object

Fingerprints = npt.NDArray[np.uint64]

_PARALLEL = 2
_READERS = 8
_NAMED = 3
"""Objects that could not be read and are told by name."""


@dataclass(frozen=True)
class Validation:
    """The published report of an hour, without the objects of `errors`, which could not be read."""

    report: HourReport
    errors: tuple[WeblogsError, ...] = ()

    @property
    def unread(self) -> WeblogsError | None:
        """One error for all: Transient when another attempt may help one of them."""
        if len(self.errors) < 2:
            return next(iter(self.errors), None)
        kind = type(next((e for e in self.errors if isinstance(e, Transient)), self.errors[0]))
        named = "; ".join(str(error) for error in self.errors[:_NAMED])
        more = len(self.errors) - _NAMED
        rest = f"; and {more} more" if more > 0 else ""
        return kind(f"{len(self.errors)} objects could not be read: {named}{rest}")


def validate_hour(lake: Lake, spec: StreamSpec, hour: LandingHour) -> HourReport:
    """The same, for who needs the whole hour: raises when an object could not be read. The report is there for the
    others."""
    validation = validate_readable(lake, spec, hour)
    if validation.unread:
        raise validation.unread
    return validation.report


def validate_readable(lake: Lake, spec: StreamSpec, hour: LandingHour) -> Validation:
    """Validates what has landed for the hour and was not validated under these rules before.

    An object that cannot be read costs no other its place in the report. Raises when the hour has no object that could
    be read, and when S3 gives no answer at all: the report is then unchanged.
    """
    listed = list_hour(lake, spec, hour)
    failpoints.reach("validate:listed")
    known = {f.source.identity: f for f in _previous(lake, spec, hour)}
    new = [landed for landed in listed if landed.identity not in known]
    if not new and len(known) == len(listed):
        return Validation(read_report(lake, spec, hour) if known else _publish(lake, spec, hour, (), 0))
    done, errors = _validate_all(lake, spec, hour, new)
    fresh = {v.report.source.identity: v for v in done}
    failpoints.reach("validate:objects_validated")
    reports = known | {identity: v.report for identity, v in fresh.items()}
    files = tuple(reports[o.identity] for o in listed if o.identity in reports)
    if errors and not files:
        raise errors[0]
    kept = _stored_fingerprints(
        lake, [Names(spec, hour, f.source) for f in files if f.source.identity in known]
    )
    duplicates = _duplicates([*kept, *(v.fingerprints for v in fresh.values())])
    return Validation(_publish(lake, spec, hour, files, duplicates), errors)


def read_report(lake: Lake, spec: StreamSpec, hour: LandingHour) -> HourReport:
    """The hour's report under the present rules. Raises HourNotValidated."""
    try:
        return HourReport.from_bytes(lake.get(hour_report_key(spec.name, hour, spec.rules_digest)))
    except ObjectMissing:
        raise HourNotValidated(
            f"{spec.name} {hour.partition_key} has no report under the present rules: materialize `validated` first"
        ) from None


def _previous(lake: Lake, spec: StreamSpec, hour: LandingHour) -> tuple[FileReport, ...]:
    try:
        return read_report(lake, spec, hour).files
    except (HourNotValidated, InvalidDocument):
        return ()


def _validate_all(
    lake: Lake, spec: StreamSpec, hour: LandingHour, objects: list[LandingObject]
) -> tuple[list[Validated], tuple[WeblogsError, ...]]:
    """Every object is tried; those that could be read, and why others could not."""
    lanes = [objects[lane::_PARALLEL] for lane in range(_PARALLEL)]
    with ThreadPoolExecutor(_PARALLEL) as pool:
        results = list(pool.map(lambda lane: _validate_lane(lake, spec, hour, lane), lanes))
    validated = [one for done, _ in results for one in done]
    return validated, tuple(error for _, failed in results for error in failed)


def _validate_lane(
    lake: Lake, spec: StreamSpec, hour: LandingHour, objects: list[LandingObject]
) -> tuple[list[Validated], list[WeblogsError]]:
    done: list[Validated] = []
    failed: list[WeblogsError] = []
    if not objects:
        return done, failed
    screen = Screen(spec, closer_look_from=WORTH_A_CLOSER_LOOK)
    try:
        for landed in objects:
            try:
                done.append(validate_object(lake, spec, hour, landed, screen))
            except (LakeUnavailable, AccessRefused) as error:
                # Raises where S3 answers nothing at all: that is no matter of one object.
                list_hour(lake, spec, hour)
                failed.append(error)
            except WeblogsError as error:
                failed.append(error)
    finally:
        screen.close()
    return done, failed


def _publish(
    lake: Lake, spec: StreamSpec, hour: LandingHour, files: tuple[FileReport, ...], duplicates: int
) -> HourReport:
    report = HourReport(
        stream=spec.name, hour=hour, rules=spec.rules_digest, files=files, duplicates=duplicates
    )
    failpoints.reach("validate:report_made")
    lake.put(hour_report_key(spec.name, hour, spec.rules_digest), report.to_bytes())
    failpoints.reach("validate:report_written")
    return report


def _stored_fingerprints(lake: Lake, known: list[Names]) -> list[Fingerprints]:
    """Those of the objects that were validated before. They are small and many: waiting for S3 is what takes the time."""
    with ThreadPoolExecutor(_READERS) as pool:
        return list(pool.map(lambda names: _stored(lake, names), known))


def _stored(lake: Lake, names: Names) -> Fingerprints:
    """Those of one object; none when another version of the hash made them."""
    try:
        return np.frombuffer(lake.get(names.fingerprints), dtype=np.uint64)
    except ObjectMissing:
        return np.empty(0, dtype=np.uint64)


def _duplicates(parts: list[Fingerprints]) -> int:
    """How many records equal an earlier one of the hour; the 64-bit hash errs once in some 10^7 hours of 10^6."""
    together = np.concatenate([*parts, np.empty(0, dtype=np.uint64)])
    together.sort()  # ten times faster than np.unique, which hashes
    return int(np.count_nonzero(together[1:] == together[:-1]))
