"""What `weblogs verify` makes of what the verification queries found. Pure: rows in, findings out."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from weblogs_platform.commands.findings import Finding
from weblogs_platform.core.derived import DerivedTable
from weblogs_platform.core.spec import StreamSpec

HOUR = timedelta(hours=1)
NAMED = 3
"""Of many hours or days, so many are named."""


class LedgerHour(NamedTuple):
    """A row of conservation.sql; `quarantined` are those that still are."""

    stream: str
    landing_hour: datetime
    objects: int
    records: int
    loaded: int
    quarantined: int
    dropped: int
    replayed: int = 0
    discarded: int = 0

    @property
    def in_table(self) -> int:
        return self.loaded + self.replayed

    @property
    def adds_up(self) -> bool:
        accounted = self.in_table + self.quarantined + self.dropped + self.discarded
        return self.records == accounted and self.quarantined >= 0


class CopyError(NamedTuple):
    """A row of load_errors.sql; `loaded_since` says whether the ledger has the file, loaded after the error."""

    file_name: str
    reason: str
    column_name: str
    rows_refused: int
    last_at: datetime
    loaded_since: bool


class LandedHour(NamedTuple):
    """A row of landed_not_loaded.sql; `found_before` of its objects were found by an earlier look too."""

    stream: str
    landing_hour: datetime
    kind: str
    objects: int
    found_before: int
    first_at: datetime
    example: str = ""


class OpenAlert(NamedTuple):
    """A row of open_alerts.sql."""

    kind: str
    about: str
    partition_key: str
    summary: str
    times: int
    last_at: datetime


class SalesDay(NamedTuple):
    """A row of kpi_reconciliation.sql: revenue and pieces by table."""

    day: date
    pos: Decimal
    sales: Decimal
    regional: Decimal
    product: Decimal
    pos_units: int
    sales_units: int
    regional_units: int
    product_units: int


def judge_tables(present: Collection[str], expected: Sequence[str]) -> Finding:
    """Whether all tables are there; both as schema.table."""
    missing = [name for name in expected if name not in present]
    if not missing:
        return Finding("tables", "ok", f"all {len(expected)} tables are there")
    more = f" and {len(missing) - NAMED} more" if len(missing) > NAMED else ""
    return Finding(
        "tables",
        "problem",
        f"{len(missing)} of {len(expected)} tables are missing: {', '.join(missing[:NAMED])}{more}",
        "run `weblogs init`, which creates what is missing and changes nothing else",
    )


def judge_hours(
    spec: StreamSpec, ledger: Sequence[LedgerHour], rows: Mapping[datetime, int]
) -> list[Finding]:
    """Whether every record of a stream is accounted for. `ledger` has its hours, `rows` the rows of its table by
    hour."""
    if not ledger and not rows:
        return [
            Finding(
                "conservation",
                "note",
                f"{spec.name}: nothing is loaded",
                "when files have landed, let Dagster's sensors load them, or run `weblogs load`",
            )
        ]
    loaded = {hour.landing_hour: hour.in_table for hour in ledger}
    differing = [h for h in sorted({*loaded, *rows}) if loaded.get(h) != rows.get(h, 0)]
    findings = [_differs(spec, h, loaded.get(h), rows.get(h, 0)) for h in differing[:NAMED]]
    if (more := len(differing) - NAMED) > 0:
        says = f"{spec.name}: so do {more} more hours, up to {_hour(differing[-1])}"
        findings.append(Finding("rows_per_hour", "problem", says, "as above, hour by hour"))
    findings += [_does_not_add_up(hour) for hour in ledger if not hour.adds_up]
    return findings or [_adds_up(spec, ledger)]


def judge_lag(stream: str, median_secs: float, longest_secs: float) -> Finding:
    """How long records take; a number to know, since backfills are late on purpose."""
    return Finding(
        "ingestion_lag",
        "ok",
        f"{stream}: objects are loaded {_after_the_hour(median_secs)} (median), the last one "
        f"{_after_the_hour(longest_secs)}",
    )


def judge_not_loaded(hours: Sequence[LandedHour]) -> list[Finding]:
    """Whether hours have objects that the reconcile found and nothing loaded since. Found once they may be under way;
    found before, something holds them."""
    held = [hour for hour in hours if hour.found_before]
    fresh = sum(hour.objects for hour in hours if not hour.found_before)
    findings = [
        Finding(
            "landed_not_loaded",
            "problem",
            f"{hour.stream}, {_hour(hour.landing_hour)}: {_number(hour.objects, 'object')} landed and not loaded, known "
            f"since {hour.first_at:%Y-%m-%d %H:%M} UTC",
            f"`weblogs load --stream {hour.stream} --from {hour.landing_hour:%Y-%m-%dT%H} --to "
            f"{hour.landing_hour + HOUR:%Y-%m-%dT%H}` loads it or says what holds it",
        )
        for hour in held[:NAMED]
    ]
    if (more := len(held) - NAMED) > 0:
        says = f"{_number(more, 'more hour')} with objects that are not loaded, up to {_hour(held[-1].landing_hour)}"
        findings.append(Finding("landed_not_loaded", "problem", says, "as above, hour by hour"))
    if fresh:
        says = f"{_number(fresh, 'object')} that the reconcile found first at its last look"
        findings.append(
            Finding("landed_not_loaded", "note", says, "runs should be under way; look again in an hour")
        )
    return findings


def judge_strays(hours: Sequence[LandedHour]) -> list[Finding]:
    """Whether anything landed under names that belong to no hour: nothing will ever load it."""
    findings: list[Finding] = []
    for stream in sorted({hour.stream for hour in hours}):
        of_stream = [hour for hour in hours if hour.stream == stream]
        count = sum(hour.objects for hour in of_stream)
        findings.append(
            Finding(
                "strays",
                "problem",
                f"{stream}: {_number(count, 'object')} (or folders of them) landed under names that are those of no hour, "
                f"such as {of_stream[0].example}: nothing loads them",
                "let the producer deliver them under the names of docs/ARCHITECTURE.md, and remove these",
            )
        )
    return findings


def judge_alerts(alerts: Sequence[OpenAlert]) -> list[Finding]:
    """What failed in Dagster and was not well since. Not a problem by itself: what a command mended stays on the list
    until a run finds it well."""
    findings = [
        Finding("open_alerts", "note", f"{a.kind} of {a.about} {a.partition_key}".rstrip() + f": {a.summary}")
        for a in alerts[:NAMED]
    ]
    if (more := len(alerts) - NAMED) > 0:
        says = f"{more} more runs or checks that are not well; all are in shopware_ops.alerts, and in Dagster"
        findings.append(Finding("open_alerts", "note", says))
    return findings


def judge_freshness(spec: StreamSpec, newest_hour: datetime, now: datetime) -> Finding:
    """Whether the newest hour is as new as the stream promises. Times are UTC, without their zone."""
    age = now - newest_hour - HOUR
    if age <= timedelta(hours=spec.freshness_hours):
        return Finding("freshness", "ok", f"{spec.name}: the newest loaded hour is {_hour(newest_hour)}")
    return Finding(
        "freshness",
        "problem",
        f"{spec.name}: nothing newer than {_hour(newest_hour)} is loaded, which ended "
        f"{_duration(age.total_seconds())} ago; {spec.freshness_hours} h are allowed",
        f"look whether files land under {spec.landing_prefix}/, and whether the sensors run in Dagster's UI",
    )


def judge_last_load(stream: str, hour: datetime, loaded_at: datetime, run_id: str | None) -> Finding:
    """Which load was the last."""
    says = f"the last load was of {stream}, {_hour(hour)}, at {loaded_at:%Y-%m-%d %H:%M:%S} UTC"
    return Finding("last_loads", "ok", says + (f", by run {run_id}" if run_id else ""))


def judge_copies(statuses: Sequence[str]) -> Finding:
    """How the last COPYs ended, newest first."""
    failed = sum(status.strip() != "completed" for status in statuses)
    if not failed:
        return Finding("last_copies", "ok", f"the last {len(statuses)} COPYs completed")
    return Finding(
        "last_copies",
        "note",
        f"{failed} of the last {len(statuses)} COPYs did not complete; their transactions were rolled back",
        "the runs in Dagster's UI say why; a retry that succeeded has settled it",
    )


def judge_files(read_at: Sequence[datetime]) -> Finding:
    """When COPY read its last files, newest first. Where COPYs ran, Redshift knows their files."""
    if read_at:
        return Finding("last_files", "ok", f"COPY read its last file at {read_at[0]:%Y-%m-%d %H:%M:%S} UTC")
    return Finding(
        "last_files",
        "note",
        "COPYs ran, and Redshift names no file that they read",
        "what COPY refused may be hidden from this user too: look into sys_load_detail as an administrator",
    )


def judge_load_errors(errors: Sequence[CopyError]) -> list[Finding]:
    """Whether files that COPY refused are in the warehouse by now."""
    open_errors = [error for error in errors if not error.loaded_since]
    if not errors:
        return [Finding("load_errors", "ok", "COPY refused nothing in the last seven days")]
    if not open_errors:
        says = f"COPY refused rows of {len(errors)} files in the last seven days; all were loaded since"
        return [Finding("load_errors", "note", says)]
    return [
        Finding(
            "load_errors",
            "problem",
            f"COPY refused {_number(e.rows_refused, 'row')} of {e.file_name} at {e.last_at:%Y-%m-%d %H:%M} UTC "
            f"({e.reason}; column {e.column_name or 'unknown'}), and the file is not loaded",
            "nothing of its hour was committed: report the reason, then materialize the hour again",
        )
        for e in open_errors
    ]


def judge_stale(tables: Sequence[DerivedTable], stale: Mapping[str, Sequence[datetime]]) -> list[Finding]:
    """Whether derived tables were computed from what their sources hold now. `tables` stand after those that they are
    computed from; `stale` has, by qualified name, the periods whose sources have changed since."""
    findings: list[Finding] = []
    waiting: list[str] = []
    behind: set[str] = set()
    for table in tables:
        if periods := stale.get(table.qualified, ()):
            findings.append(_is_stale(table, periods))
        elif behind & set(table.sources):
            waiting.append(table.name)
        else:
            continue
        behind.add(table.qualified)
    if waiting:
        says = f"computed from these, and as old as they are: {', '.join(waiting)}"
        findings.append(Finding("stale_periods", "note", says))
    if current := len(tables) - len(behind):
        says = f"{_number(current, 'derived table')} up to date"
        findings.append(Finding("stale_periods", "ok", says))
    return findings


def _is_stale(table: DerivedTable, periods: Sequence[datetime]) -> Finding:
    return Finding(
        "stale_periods",
        "problem",
        f"{table.name}: {_number(len(periods), table.grain)} to be computed again: {_some(periods, table.grain)}",
        "Dagster does it while it runs (`weblogs up`); `weblogs refresh` does it now",
    )


def judge_reconciliation(days: Sequence[SalesDay]) -> list[Finding]:
    """Whether the sales tables agree; `days` are those on which they do not."""
    if not days:
        return [Finding("kpi_reconciliation", "ok", "sales, day, store and product totals agree")]
    return [
        Finding(
            "kpi_reconciliation",
            "problem",
            f"{d.day}: the sales sum up to {d.pos} ({d.pos_units} pieces), sales_kpi_daily says {d.sales} "
            f"({d.sales_units}), the stores {d.regional} ({d.regional_units}), the products {d.product} "
            f"({d.product_units})",
            f"`weblogs refresh --from {d.day} --to {d.day + timedelta(days=1)}` computes the day anew",
        )
        for d in days[:NAMED]
    ] + _further(days)


def _further(days: Sequence[SalesDay]) -> list[Finding]:
    if len(days) <= NAMED:
        return []
    says = f"{len(days) - NAMED} more days do not agree, up to {days[-1].day}"
    return [Finding("kpi_reconciliation", "problem", says, "as above, day by day")]


def _differs(spec: StreamSpec, hour: datetime, loaded: int | None, rows: int) -> Finding:
    ledger = "the ledger does not know the hour" if loaded is None else f"the ledger says {loaded:,}"
    return Finding(
        "rows_per_hour",
        "problem",
        f"{spec.name}, {_hour(hour)}: the table has {_number(rows, 'row')}, {ledger}",
        "somebody changed one of them by hand. While its objects are in S3, take the hour out of both and load it "
        f"again: `{_for_hour(spec, hour, 'forget')}`, then `{_for_hour(spec, hour, 'load')}`",
    )


def _for_hour(spec: StreamSpec, hour: datetime, command: str) -> str:
    """The command for one hour of a stream."""
    return f"weblogs {command} --stream {spec.name} --from {hour:%Y-%m-%dT%H} --to {hour + HOUR:%Y-%m-%dT%H}"


def _does_not_add_up(hour: LedgerHour) -> Finding:
    return Finding(
        "conservation",
        "problem",
        f"{hour.stream}, {_hour(hour.landing_hour)}: {hour.records:,} records are not {hour.loaded:,} loaded + "
        f"{hour.quarantined:,} quarantined + {hour.dropped:,} dropped + {hour.replayed:,} replayed + "
        f"{hour.discarded:,} discarded",
        "a line of the ledger or a receipt was changed by hand: compare them with the hour's report under reports/",
    )


def _adds_up(spec: StreamSpec, ledger: Sequence[LedgerHour]) -> Finding:
    total = {name: sum(getattr(h, name) for h in ledger) for name in LedgerHour._fields[2:]}
    return Finding(
        "conservation",
        "ok",
        f"{spec.name}: {total['records']:,} records of {_number(len(ledger), 'hour')} = {total['loaded']:,} loaded + "
        f"{total['quarantined']:,} quarantined + {total['dropped']:,} dropped + {total['replayed']:,} replayed + "
        f"{total['discarded']:,} discarded, and the table has as many rows",
    )


def _some(periods: Sequence[datetime], grain: str) -> str:
    names = [_hour(p) if grain == "hour" else f"{p:%Y-%m-%d}" for p in periods[:NAMED]]
    return ", ".join(names) + (f" and {len(periods) - NAMED} more" if len(periods) > NAMED else "")


def _after_the_hour(seconds: float) -> str:
    return f"{_duration(seconds)} after the end of their hour" if seconds > 0 else "within their hour"


def _hour(hour: datetime) -> str:
    return f"{hour:%Y-%m-%d %H:00}"


def _number(count: int, what: str) -> str:
    return f"{count:,} {what}" + ("" if count == 1 else "s")


def _duration(seconds: float) -> str:
    if abs(seconds) < 120:
        return f"{seconds:.0f} s"
    if abs(seconds) < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h" if abs(seconds) < 48 * 3600 else f"{seconds / 86400:.0f} days"
