"""The judgement of every check, as pure functions of a report and of the ledger.

A check that passes is never a warning: severity is that of the failure. Metadata are numbers that plot over
partitions, and a few places (object, offset, reasons) to look at; values of records are deliberately absent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Literal

from weblogs_platform.core.plan import LoadedFile
from weblogs_platform.core.report import FileReport, HourReport
from weblogs_platform.core.spec import StreamSpec

Severity = Literal["WARN", "ERROR"]
Number = int | float

MAX_PLACES = 5
"""Bad records that a check names by place."""

FIELD_MARK = ":"
"""A reason about one field carries its column after this mark; a reason without it is about the whole record."""


@dataclass(frozen=True)
class Place:
    """Where a bad record stands: byte offset in the decompressed content of an object, and why it is bad."""

    key: str
    offset: int
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class CheckDeclaration:
    """What a check promises. A failed blocking check keeps the hour out of the warehouse."""

    name: str
    severity: Severity
    description: str
    blocking: bool = False


@dataclass(frozen=True)
class CheckOutcome:
    """One evaluation for one hour."""

    declaration: CheckDeclaration
    passed: bool
    summary: str
    numbers: Mapping[str, Number] = field(default_factory=dict)
    details: Mapping[str, Mapping[str, int] | Sequence[str]] = field(default_factory=dict)
    places: tuple[Place, ...] = ()

    @property
    def blocks(self) -> bool:
        return self.declaration.blocking and not self.passed


REQUIRED_FIELDS_NOT_NULL = CheckDeclaration(
    "required_fields_not_null",
    "WARN",
    "No record lacks a required field (null, missing, or an empty string). Those that do are quarantined.",
)
NO_MALFORMED_RECORDS = CheckDeclaration(
    "no_malformed_records",
    "WARN",
    "Every record is readable JSON within Redshift's limits. Those that are not are quarantined byte for byte.",
)
INVALID_SHARE = CheckDeclaration(
    "invalid_share_within_threshold",
    "ERROR",
    "The share of invalid records stays within the stream's threshold; over it the hour is not loaded, because "
    "then the producer, or our idea of its records, is wrong.",
    blocking=True,
)
SCHEMA_DRIFT = CheckDeclaration(
    "schema_drift",
    "WARN",
    "The records have the fields that the stream declares: none that nobody maps, none that vanished.",
)
TRUNCATION = CheckDeclaration(
    "truncation",
    "WARN",
    "Every text fits its column. COPY cuts the others (TRUNCATECOLUMNS); they are loaded and counted here.",
)
EXACT_DUPLICATES = CheckDeclaration(
    "exact_duplicates",
    "WARN",
    "No record comes twice within the hour, byte for byte. Duplicates are counted and, unless the stream drops them, kept.",
)
ROWS_LOADED = CheckDeclaration(
    "rows_loaded_equal_valid",
    "ERROR",
    "The table holds as many rows of the hour as validation found good records in the loaded objects, and as were "
    "replayed from quarantine since.",
)
CONSERVATION = CheckDeclaration(
    "conservation",
    "ERROR",
    "For every object and for the hour: records = loaded + replayed + in quarantine + duplicates dropped + discarded.",
)

VALIDATED_CHECKS = (
    REQUIRED_FIELDS_NOT_NULL,
    NO_MALFORMED_RECORDS,
    INVALID_SHARE,
    SCHEMA_DRIFT,
    TRUNCATION,
    EXACT_DUPLICATES,
)
REWRITTEN = CheckDeclaration(
    "rewritten_objects",
    "WARN",
    "Every loaded object is the version that landing holds, unless the stream's policy says to ignore or to replace: "
    "with `alert`, the loaded version stays, and the objects with a new one are named here.",
)

TABLE_CHECKS = (ROWS_LOADED, CONSERVATION, REWRITTEN)


def evaluate_validated(spec: StreamSpec, report: HourReport) -> tuple[CheckOutcome, ...]:
    """The checks of `validated` for one hour, in the order of VALIDATED_CHECKS."""
    return (
        required_fields_not_null(spec, report),
        no_malformed_records(report),
        invalid_share_within_threshold(spec, report),
        schema_drift(spec, report),
        truncation(spec, report),
        exact_duplicates(spec, report),
    )


def evaluate_table(
    spec: StreamSpec, report: HourReport, ledger: Sequence[LoadedFile], table_rows: int
) -> tuple[CheckOutcome, ...]:
    """The checks of the stream table for one hour, in the order of TABLE_CHECKS."""
    return (
        rows_loaded_equal_valid(report, ledger, table_rows),
        conservation(report, ledger),
        rewritten_objects(spec, ledger),
    )


def required_fields_not_null(spec: StreamSpec, report: HourReport) -> CheckOutcome:
    counts = {f.column: report.null_fields.get(f.column, 0) for f in spec.required_fields}
    bad = {column: count for column, count in counts.items() if count}
    numbers: dict[str, Number] = {f"{column}_null": count for column, count in counts.items()}
    numbers |= {f"{column}_null_share": _share(count, report.records) for column, count in counts.items()}
    found = ", ".join(f"{column} in {_of(count, report.records)}" for column, count in bad.items())
    summary = f"null or missing: {found}" if bad else "no required field is null"
    places = _places(report, lambda reason: reason.startswith("null_required"))
    return CheckOutcome(REQUIRED_FIELDS_NOT_NULL, not bad, summary, numbers, places=places if bad else ())


def no_malformed_records(report: HourReport) -> CheckOutcome:
    found = {reason: count for reason, count in report.reasons.items() if _is_malformed(reason)}
    total = sum(found.values())
    summary = f"unreadable: {_listed(found)}" if found else "every record is readable"
    numbers: dict[str, Number] = {"malformed": total, "malformed_share": _share(total, report.records)}
    places = _places(report, _is_malformed) if found else ()
    return CheckOutcome(NO_MALFORMED_RECORDS, not found, summary, numbers, {"by_reason": found}, places)


def invalid_share_within_threshold(spec: StreamSpec, report: HourReport) -> CheckOutcome:
    passed = report.invalid_share <= spec.invalid_share_threshold
    summary = (
        f"{_of(report.bad, report.records)} are invalid; the threshold is {spec.invalid_share_threshold:.1%}"
    )
    numbers: dict[str, Number] = {
        "invalid": report.bad,
        "invalid_share": round(report.invalid_share, 6),
        "threshold": spec.invalid_share_threshold,
    }
    places = () if passed else _places(report, lambda _: True)
    return CheckOutcome(INVALID_SHARE, passed, summary, numbers, {"by_reason": report.reasons}, places)


def schema_drift(spec: StreamSpec, report: HourReport) -> CheckOutcome:
    mapped = {f.path for f in spec.source_fields}
    unmapped = {path: count for path, count in report.present.items() if path not in mapped}
    optional = (f.path for f in spec.source_fields if not f.required)
    vanished = sorted(path for path in optional if report.present and not report.present.get(path))
    found = [f"nobody maps {_listed(unmapped)}"] * bool(unmapped)
    found += [f"in no record: {', '.join(vanished)}"] * bool(vanished)
    numbers: dict[str, Number] = {"unmapped_fields": len(unmapped), "vanished_fields": len(vanished)}
    return CheckOutcome(
        SCHEMA_DRIFT,
        not found,
        "; ".join(found) or "the fields are those that the stream declares",
        numbers,
        {"unmapped": unmapped, "vanished": vanished},
    )


def truncation(spec: StreamSpec, report: HourReport) -> CheckOutcome:
    widths = {f.column: getattr(f.type, "max_bytes", None) for f in spec.fields}
    found = [
        f"{column} ({widths.get(column)} bytes) in {_of(count, report.records)}"
        for column, count in report.truncated.items()
        if count
    ]
    numbers: dict[str, Number] = {
        f"{column}_truncated": report.truncated.get(column, 0) for column, width in widths.items() if width
    }
    summary = f"COPY cuts {', '.join(found)}" if found else "every text fits its column"
    return CheckOutcome(TRUNCATION, not found, summary, numbers)


def exact_duplicates(spec: StreamSpec, report: HourReport) -> CheckOutcome:
    count, drops = report.duplicates, spec.duplicates == "drop"
    fate = "the load drops what equals a loaded record" if drops else "they are kept"
    summary = f"{_of(count, report.good)} came before, byte for byte; {fate}"
    numbers: dict[str, Number] = {"duplicates": count, "duplicate_share": _share(count, report.good)}
    return CheckOutcome(
        EXACT_DUPLICATES, drops or not count, summary if count else "no record comes twice", numbers
    )


def rows_loaded_equal_valid(
    report: HourReport, ledger: Sequence[LoadedFile], table_rows: int
) -> CheckOutcome:
    """Where the report cannot tell (see `_reported`), the ledger's own count stands."""
    reported = _reported(report)
    expected = sum(_expected_rows(line, reported.get(_identity(line))) for line in ledger)
    replayed = sum(line.replayed for line in ledger)
    expected += replayed
    recorded = sum(line.in_table for line in ledger)
    passed = expected == recorded == table_rows
    summary = f"{table_rows} rows in the table, {recorded} in the ledger, {expected} good records to load"
    numbers: dict[str, Number] = {
        "table_rows": table_rows,
        "ledger_rows": recorded,
        "good_records": expected,
        "replayed": replayed,
        "difference": table_rows - expected,
    }
    return CheckOutcome(ROWS_LOADED, passed, summary, numbers)


def conservation(report: HourReport, ledger: Sequence[LoadedFile]) -> CheckOutcome:
    reported = _reported(report)
    wrong = [line.key for line in ledger if not _conserved(line, reported.get(_identity(line)))]
    totals: dict[str, Number] = {
        "records": sum(line.records for line in ledger),
        "loaded": sum(line.loaded for line in ledger),
        "replayed": sum(line.replayed for line in ledger),
        "quarantined": sum(line.in_quarantine for line in ledger),
        "duplicates_dropped": sum(line.duplicates for line in ledger),
        "discarded": sum(line.discarded for line in ledger),
    }
    equation = (
        "{records} = {loaded} loaded + {replayed} replayed + {quarantined} in quarantine + "
        "{duplicates_dropped} dropped + {discarded} discarded".format(**totals)
    )
    summary = f"does not add up in {len(wrong)} of {len(ledger)} objects ({equation})" if wrong else equation
    return CheckOutcome(CONSERVATION, not wrong, summary, totals, {"objects": wrong[:MAX_PLACES]})


def rewritten_objects(spec: StreamSpec, ledger: Sequence[LoadedFile]) -> CheckOutcome:
    keys = left_out(ledger)
    summary = (
        f"{len(keys)} of {len(ledger)} objects have a new version, which is not loaded: {keys[0]!r}"
        if keys
        else "no object has a version that was left out"
    )
    numbers: dict[str, Number] = {"rewritten_left_out": len(keys)}
    passed = not keys or spec.on_rewritten != "alert"
    return CheckOutcome(REWRITTEN, passed, summary, numbers, {"objects": keys[:MAX_PLACES]})


def left_out(ledger: Sequence[LoadedFile]) -> list[str]:
    """Keys of loaded objects of which another version was noted, and not loaded."""
    return [line.key for line in ledger if line.noted_etag not in (None, line.etag)]


def _reported(report: HourReport) -> dict[tuple[str, str, str], FileReport]:
    """The reports that a line of the ledger can be held against: the same content under the same rules. An object
    that is gone from landing has none, nor one that was loaded before the rules changed."""
    return {(*f.source.identity, f.rules): f for f in report.files}


def _identity(line: LoadedFile) -> tuple[str, str, str]:
    return (line.key, line.etag, line.rules)


def _expected_rows(line: LoadedFile, report: FileReport | None) -> int:
    return line.loaded if report is None else report.good - line.duplicates


def _conserved(line: LoadedFile, report: FileReport | None) -> bool:
    adds_up = line.records == line.loaded + line.quarantined + line.duplicates and line.in_quarantine >= 0
    return adds_up and (report is None or (report.records, report.bad) == (line.records, line.quarantined))


def _is_malformed(reason: str) -> bool:
    return FIELD_MARK not in reason


def _places(report: HourReport, wanted: Callable[[str], bool]) -> tuple[Place, ...]:
    found = (
        Place(f.source.key, sample.offset, sample.reasons)
        for f in report.files
        for sample in f.samples
        if any(wanted(reason) for reason in sample.reasons)
    )
    return tuple(islice(found, MAX_PLACES))


def _share(count: int, total: int) -> float:
    return round(count / total, 6) if total else 0.0


def _of(count: int, total: int) -> str:
    return f"{count} of {total} records ({_share(count, total):.1%})"


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} ({count})" for name, count in counts.items())
