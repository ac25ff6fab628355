"""`weblogs verify`: the queries of `sql/verification` on the warehouse, and what their answers mean.

All of them see one state: they run in one transaction. What they mean is decided in `verdicts`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from weblogs_platform.commands.findings import Finding, is_well, print_findings
from weblogs_platform.commands.load import HourArgument, StreamArgument
from weblogs_platform.commands.verdicts import (
    CopyError,
    LandedHour,
    LedgerHour,
    OpenAlert,
    SalesDay,
    judge_alerts,
    judge_copies,
    judge_files,
    judge_freshness,
    judge_hours,
    judge_lag,
    judge_last_load,
    judge_load_errors,
    judge_not_loaded,
    judge_reconciliation,
    judge_stale,
    judge_strays,
    judge_tables,
)
from weblogs_platform.core.derived import DerivedTable
from weblogs_platform.core.errors import InvalidDocument, InvalidName, WeblogsError
from weblogs_platform.core.keys import REPLAY_LABEL, DerivedKey
from weblogs_platform.core.partitions import LandingHour
from weblogs_platform.core.spec import StreamSpec
from weblogs_platform.kpis import TABLES
from weblogs_platform.settings import PROJECT_ROOT, Settings
from weblogs_platform.streams import FIRST_HOUR, STREAMS

if TYPE_CHECKING:
    from weblogs_platform.clients.warehouse import Transaction, Warehouse

QUERIES = PROJECT_ROOT / "sql" / "verification"
OPS_TABLES = tuple(
    f"shopware_ops.{name}"
    for name in (
        "load_history",
        "load_lock",
        "changed_hours",
        "refresh_history",
        "refresh_lock",
        "quarantine_reasons",
        "rewritten_objects",
        "quarantine_receipts",
        "quarantine_verdicts",
        "schema_migrations",
        "alerts",
        "reconcile_findings",
        "reconcile_looks",
    )
)
SALES_TABLES = frozenset(
    {
        "shopware_processed.pos_daily",
        *(
            f"shopware_kpis.{name}"
            for name in ("sales_kpi_daily", "regional_kpi_daily", "sales_product_daily")
        ),
    }
)
EARLIEST = datetime(1970, 1, 1)  # noqa: DTZ001 - TIMESTAMPs are UTC without their zone
LATEST = datetime(9999, 1, 1)  # noqa: DTZ001
CANNOT_TELL = 2


@dataclass(frozen=True)
class Scope:
    """What is looked at: all streams or one of them, and hours [first, end), None meaning from the beginning or up to now."""

    streams: tuple[StreamSpec, ...] = STREAMS
    first: LandingHour | None = None
    end: LandingHour | None = None

    @property
    def derived(self) -> tuple[DerivedTable, ...]:
        """The derived tables that are computed from the streams, directly or not."""
        reached = {spec.qualified_table for spec in self.streams}
        for table in TABLES:
            if reached & set(table.sources):
                reached.add(table.qualified)
        return tuple(table for table in TABLES if table.qualified in reached)

    def hours(self) -> dict[str, str]:
        return _bounds(*self._moments())

    def days(self) -> dict[str, str]:
        """The whole days that the hours are part of: what is computed by the day can only be judged by the day."""
        first, end = self._moments()
        midnight = end.replace(hour=0)
        return _bounds(first.replace(hour=0), midnight if midnight == end else midnight + timedelta(days=1))

    def _moments(self) -> tuple[datetime, datetime]:
        first = self.first.start.replace(tzinfo=None) if self.first else EARLIEST
        return first, self.end.start.replace(tzinfo=None) if self.end else LATEST


@click.command()
@click.option("--stream", "streams", type=StreamArgument(), default="all", help="One stream, or `all`.")
@click.option("--from", "first", type=HourArgument(), help="First hour (UTC), 2025-07-20T10.")
@click.option("--to", "end", type=HourArgument(), help="The hour after the last one.")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
@click.pass_context
def verify(
    ctx: click.Context,
    streams: tuple[StreamSpec, ...],
    first: LandingHour | None,
    end: LandingHour | None,
    as_json: bool,
) -> None:
    """Look whether all is well in the warehouse: tables, counts, loads, KPIs.

    Exit status 0 when it is, 1 when it is not, 2 when that cannot be told. How new the data are is judged only
    without --to.
    """
    if first and end and end <= first:
        raise click.BadParameter(f"{end.partition_key} is not after {first.partition_key}", param_hint="--to")
    from weblogs_platform.clients.warehouse import warehouse_of

    try:
        warehouse = warehouse_of(Settings.from_env())
        findings = look(warehouse, Scope(streams, first, end), now=datetime.now(UTC))
    except WeblogsError as error:
        _print_unknown(str(error), as_json)
        ctx.exit(CANNOT_TELL)
    print_findings(findings, as_json)
    ctx.exit(0 if is_well(findings) else 1)


def look(warehouse: Warehouse, scope: Scope, *, now: datetime) -> list[Finding]:
    """All findings of the scope, in one transaction. Raises the client's errors."""
    with warehouse.transaction() as tx:
        queries = _Queries(tx, scope)
        tables = queries.tables()
        if tables.level == "problem":
            return [tables]
        return [
            tables,
            *queries.hours(),
            *queries.samples(),
            *queries.lags(),
            *(queries.freshness(now) if scope.end is None else ()),
            *queries.not_loaded(),
            *(queries.alerts() if scope == Scope() else ()),
            *queries.last_loads(),
            *queries.copies(),
            *queries.load_errors(),
            *queries.stale(now),
            *queries.reconciliation(),
        ]


@dataclass(frozen=True)
class _Queries:
    tx: Transaction
    scope: Scope

    def tables(self) -> Finding:
        present = {f"{schema}.{name}" for schema, name in self._ask("tables")}
        expected = [
            *OPS_TABLES,
            *(spec.qualified_table for spec in STREAMS),
            *(table.qualified for table in TABLES),
        ]
        return judge_tables(present, expected)

    def hours(self) -> list[Finding]:
        ledger = [
            LedgerHour(stream, hour, *map(int, counts))
            for stream, hour, *counts in self._of_streams("conservation", **self.scope.hours())
        ]
        rows = self._of_streams("rows_per_hour", **self.scope.hours())
        return [
            finding
            for spec in self.scope.streams
            for finding in judge_hours(
                spec,
                [hour for hour in ledger if hour.stream == spec.name],
                {hour: int(count) for stream, hour, count in rows if stream == spec.name},
            )
        ]

    def samples(self) -> list[Finding]:
        """That the newest rows can be read; what they hold is for people who run the queries."""
        names = [spec.name for spec in self.scope.streams if self._ask(f"sample_{spec.name}")]
        return (
            [Finding("sample", "ok", f"the newest rows of {', '.join(names)} can be read")] if names else []
        )

    def lags(self) -> list[Finding]:
        return [
            judge_lag(stream, float(median), float(longest))
            for stream, _, median, longest in self._of_streams("ingestion_lag", **self.scope.hours())
        ]

    def freshness(self, now: datetime) -> list[Finding]:
        newest = {stream: hour for stream, hour, _ in self._of_streams("freshness")}
        return [
            judge_freshness(spec, newest[spec.name], now.replace(tzinfo=None))
            for spec in self.scope.streams
            if spec.name in newest
        ]

    def not_loaded(self) -> list[Finding]:
        hours = self._of_streams("landed_not_loaded", **self.scope.hours())
        found = [LandedHour(*row) for row in hours]
        strays = [hour for hour in found if hour.kind == "stray"]
        return [*judge_not_loaded([h for h in found if h.kind != "stray"]), *judge_strays(strays)]

    def alerts(self) -> list[Finding]:
        """Of the whole platform: what is told of has no stream of its own."""
        return judge_alerts([OpenAlert(*row) for row in self._ask("open_alerts")])

    def last_loads(self) -> list[Finding]:
        loads = self._of_streams("last_loads", **self.scope.hours())
        return [judge_last_load(stream, hour, at, run_id) for at, stream, hour, run_id, *_ in loads[:1]]

    def copies(self) -> list[Finding]:
        copies, files = self._ask("last_copies"), self._ask("last_files")
        if not copies:
            return []
        statuses = [str(status) for _, _, status, *_ in copies]
        return [judge_copies(statuses), judge_files([read_at for read_at, *_ in files])]

    def load_errors(self) -> list[Finding]:
        errors = [
            CopyError(file, reason, column, int(rows), last_at, self._is_loaded(file, last_at))
            for file, reason, column, rows, last_at in self._ask("load_errors")
        ]
        return judge_load_errors(errors)

    def _is_loaded(self, file_name: str, since: datetime) -> bool:
        load_key = file_name.removeprefix("s3://").partition("/")[2]
        stream, hour = hour_of_file(load_key)
        found = self._ask(
            "loaded_after", load_key=load_key, stream=stream, landing_hour=hour.sql, since=_text(since)
        )
        return int(found[0][0]) > 0

    def stale(self, now: datetime) -> list[Finding]:
        derived = self.scope.derived
        return judge_stale(derived, {table.qualified: self._stale_periods(table, now) for table in derived})

    def _stale_periods(self, table: DerivedTable, now: datetime) -> list[datetime]:
        """Of those that have partitions: events of a clock that is ahead wait for theirs."""
        first, until = FIRST_HOUR.start.replace(tzinfo=None), now.replace(tzinfo=None)
        of_table = {**self.scope.days(), "table_name": table.qualified, "grain": table.grain}
        found = {
            period
            for source in table.sources
            for (period,) in self._ask("stale_periods", **of_table, source_table=source)
            if first <= period < until
        }
        return sorted(found)

    def reconciliation(self) -> list[Finding]:
        if not SALES_TABLES & {table.qualified for table in self.scope.derived}:
            return []
        days = self._ask("kpi_reconciliation", **self.scope.days())
        return judge_reconciliation([SalesDay(*day) for day in days])

    def _of_streams(self, name: str, **values: str) -> list[tuple[Any, ...]]:
        """The rows of a query about the streams of the scope."""
        [only, *others] = [spec.name for spec in self.scope.streams]
        return self._ask(name, **values, stream="" if others else only)

    def _ask(self, name: str, **values: str) -> list[tuple[Any, ...]]:
        path = QUERIES / f"{name}.sql"
        if not path.is_file():
            raise InvalidDocument(f"sql/verification/{name}.sql is missing")
        return self.tx.fetch_all(path.read_text(encoding="utf-8"), values)


def _bounds(first: datetime, end: datetime) -> dict[str, str]:
    return {"first": _text(first), "end": _text(end)}


def _text(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}"


def _print_unknown(why: str, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"well": None, "findings": [], "error": why}))
    else:
        click.echo(f"Cannot tell: {why}", err=True)


def hour_of_file(load_key: str) -> tuple[str, LandingHour]:
    """The stream and hour of which a load reads the file; no stream for a file of a replay, or of nobody's."""
    try:
        key = DerivedKey.parse(load_key)
    except InvalidName:
        hours = ((spec.name, spec.landing_hour_of(load_key)) for spec in STREAMS)
        return next(((name, hour) for name, hour in hours if hour), ("", FIRST_HOUR))
    return ("", key.hour) if key.label == REPLAY_LABEL else (key.stream, key.hour)
