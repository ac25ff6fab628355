"""What the demo says at its end: what became of the records, whether the sums agree, and where to look.

Tables stay within 100 columns, also where the output is a file. Values of records are deliberately absent: one
bad record is named by its place and its reasons, with the command that shows it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from weblogs_platform.streams import STREAMS

if TYPE_CHECKING:
    from assets.derived_in_process import RefreshedTable
    from assets.in_process import LoadedHours
    from weblogs_platform.local.endpoints import Endpoints

WIDTH = 100
WEBLOGS = ".venv/bin/weblogs"

_TOTALS = """SELECT COALESCE(SUM(records), 0), COALESCE(SUM(loaded), 0), COALESCE(SUM(quarantined), 0),
COALESCE(SUM(duplicates_dropped), 0) FROM shopware_ops.load_history WHERE stream = %s AND superseded_at IS NULL"""
_REPLAYED = """SELECT COUNT(*) FROM shopware_ops.quarantine_receipts
WHERE stream = %s AND superseded_at IS NULL AND outcome = 'replayed'"""
_EXAMPLE = """SELECT landing_hour, quarantined, invalid_key FROM shopware_ops.load_history
WHERE quarantined > 0 AND invalid_key IS NOT NULL AND superseded_at IS NULL
ORDER BY landing_hour DESC, quarantined DESC, object_key LIMIT 1"""
_FIGURES = ("day", "sessions", "users", "contacts", "low rated %", "revenue", "units", "low stock", "out")
_DAYS = """SELECT days.analysis_date, m.sessions, m.unique_users, s.total_interactions, ROUND(s.low_rating_pct, 1),
k.total_daily_revenue, k.total_daily_quantity_sold, i.low, i.gone
FROM (SELECT analysis_date FROM shopware_kpis.marketing_kpi_daily
      UNION SELECT analysis_date FROM shopware_kpis.sales_kpi_daily
      UNION SELECT analysis_date FROM shopware_kpis.inventory_kpi_daily) AS days
LEFT JOIN shopware_kpis.marketing_kpi_daily AS m ON m.analysis_date = days.analysis_date
LEFT JOIN shopware_kpis.support_kpi_daily AS s ON s.analysis_date = days.analysis_date
LEFT JOIN shopware_kpis.sales_kpi_daily AS k ON k.analysis_date = days.analysis_date
LEFT JOIN (SELECT analysis_date, SUM(products_low_stock) AS low, SUM(products_out_of_stock) AS gone
           FROM shopware_kpis.inventory_kpi_daily GROUP BY 1) AS i ON i.analysis_date = days.analysis_date
ORDER BY days.analysis_date DESC LIMIT 8"""
_BAD_OBJECTS = (
    "SELECT landing_hour, quarantined, invalid_key FROM shopware_ops.load_history "
    "WHERE quarantined > 0 ORDER BY quarantined DESC LIMIT 5"
)


@dataclass(frozen=True)
class Loaded:
    """What was loaded of one source of the demo."""

    title: str
    hours: LoadedHours


def demo_console() -> Console:
    """Standard output: a terminal has its own width up to 100 columns, a file has 100."""
    console = Console(highlight=False)
    console.width = min(console.width, WIDTH) if console.is_terminal else WIDTH
    return console


def outcome(loads: Sequence[Loaded]) -> Table:
    """A column for each source; records in, loaded, and quarantined by kind of reason."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("", no_wrap=True)
    for load in loads:
        table.add_column(load.title, justify="right", no_wrap=True)
    counts = [load.hours.counts for load in loads]
    _row(table, "hours", [load.hours.hours for load in loads])
    _row(table, "objects", [c["files"] for c in counts])
    _row(table, "records", [c["records"] for c in counts])
    _row(table, "loaded", [c["loaded"] for c in counts], style="green")
    _row(table, "  by this run", [c["rows_loaded_now"] for c in counts])
    _row(table, "  duplicates among them", [c["duplicates"] for c in counts])
    _row(table, "quarantined", [c["quarantined"] for c in counts], style="yellow")
    kinds = [_by_kind(load.hours.reasons) for load in loads]
    for kind, _ in _by_count(sum(kinds, Counter[str]())):
        _row(table, f"  {kind.replace('_', ' ')}", [counts[kind] for counts in kinds], zero="")
    table.caption = "a record with two reasons counts under both; duplicates are kept and counted"
    table.caption_justify = "left"
    return table


def failures(loads: Sequence[Loaded]) -> list[str]:
    """A line for each reason why hours failed, with the first of them."""
    lines: list[str] = []
    for load in loads:
        by_reason: dict[str, list[str]] = {}
        for hour, why in load.hours.failed.items():
            by_reason.setdefault(why, []).append(hour)
        lines += [_failure(load.title, hours, why) for why, hours in by_reason.items()]
    return lines


def sums(endpoints: Endpoints) -> tuple[Table, bool]:
    """The ledger's totals beside the tables' rows, over all that was ever loaded; and whether they agree."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name in ("the ledger", "records", "= loaded", "+ quarantined", "+ dropped", "rows in table"):
        table.add_column(name, justify="left" if name == "the ledger" else "right", no_wrap=True)
    table.add_column("")
    right = True
    with endpoints.connect() as connection:
        cursor = connection.cursor()
        for spec in STREAMS:
            cursor.execute(_TOTALS, (spec.name,))
            [totals] = cursor.fetchall()
            records, loaded, quarantined, dropped = (int(n) for n in totals)
            cursor.execute(_REPLAYED, (spec.name,))
            [(replayed,)] = cursor.fetchall()
            cursor.execute(f"SELECT COUNT(*) FROM {spec.qualified_table}")
            [(rows,)] = cursor.fetchall()
            agree = records == loaded + quarantined + dropped and rows == loaded + replayed
            right = right and agree
            cells = (records, loaded, quarantined, dropped, rows)
            verdict = "[green]adds up[/green]" if agree else "[red]DOES NOT ADD UP[/red]"
            table.add_row(spec.name, *(f"{n:,}" for n in cells), verdict)
    return table, right


def bad_example(endpoints: Endpoints) -> list[str]:
    """One quarantined record by place, and how to read its bytes; nothing when there is none."""
    from weblogs_platform.pipeline.validate_object import read_quarantine

    with endpoints.connect() as connection:
        cursor = connection.cursor()
        cursor.execute(_EXAMPLE)
        found = cursor.fetchone()
    if not found:
        return []
    hour, count, invalid_key = found
    body = endpoints.s3("platform").get_object(Bucket=endpoints.bucket, Key=invalid_key)["Body"].read()
    entry = next(read_quarantine(body))
    reasons = ", ".join(cast("list[str]", entry["reasons"]))
    return [
        f"Quarantine keeps bytes, place and reasons of every bad record. Of {hour:%d %B, %H:00} UTC for example:",
        f"  {reasons} at byte {entry['offset']:,} of its object; it and {count - 1} others are the lines of",
        f"  s3://{endpoints.bucket}/{invalid_key}",
    ]


def pointers(endpoints: Endpoints) -> list[tuple[str, str]]:
    """(what, how) of everything a person wants to do next, while the stack is up."""
    return [
        ("Dagster's UI", endpoints.dagster_url or "not running"),
        ("the dashboards", endpoints.dashboard_url or "not running"),
        ("is all well?", f"{WEBLOGS} verify"),
        ("the data", f'{WEBLOGS} sql "SELECT * FROM {STREAMS[0].qualified_table} LIMIT 5"'),
        ("bad records", f'{WEBLOGS} sql "{_BAD_OBJECTS}"'),
        ("S3, psql, notebooks", f'eval "$({WEBLOGS} env)"'),
        ("more traffic", f"{WEBLOGS} traffic --live    (the sensors load it)"),
        ("stop", "Ctrl-C"),
    ]


def figures(endpoints: Endpoints) -> Table:
    """The days that were computed, newest last, by what their teams look at first."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name in _FIGURES:
        table.add_column(name, justify="left" if name == "day" else "right", no_wrap=True)
    with endpoints.connect() as connection:
        cursor = connection.cursor()
        cursor.execute(_DAYS)
        for day, *numbers in reversed(cursor.fetchall()):
            table.add_row(f"{day:%Y-%m-%d}", *("" if n is None else f"{n:,}" for n in numbers))
    return table


def not_well(refreshed: Mapping[str, RefreshedTable]) -> list[str]:
    """A line for each derived table that was not made, or that disagrees with what it is computed from."""
    reasons = {name: [t.failed] if t.failed else t.failed_checks for name, t in refreshed.items()}
    return [f"{name}: {why}" for name, said in reasons.items() for why in said[:1]]


def print_report(
    say: Callable[[str], None],
    endpoints: Endpoints,
    loads: Sequence[Loaded],
    refreshed: Mapping[str, RefreshedTable],
) -> bool:
    """Prints all of it; True when nothing failed and the sums agree."""
    console = demo_console()
    say("What became of the records")
    console.print(outcome(loads))
    failed = [*failures(loads), *not_well(refreshed)]
    for line in failed:
        console.print(line, style="red", markup=False)
    totals, agree = sums(endpoints)
    console.print(totals)
    for line in bad_example(endpoints):
        console.print(line, markup=False, soft_wrap=True)
    say("What the teams see, day by day (all of it in the dashboards)")
    console.print(figures(endpoints))
    return agree and not failed


def _failure(title: str, hours: Sequence[str], why: str) -> str:
    more = f" and {len(hours) - 1} more hours" if len(hours) > 1 else ""
    return f"{title}: {hours[0]}{more} failed: {why}"


def _row(table: Table, name: str, numbers: Sequence[int], style: str | None = None, zero: str = "0") -> None:
    table.add_row(name, *(f"{n:,}" if n else zero for n in numbers), style=style)


def _by_kind(reasons: Mapping[str, int]) -> Counter[str]:
    """Counts without the column that a reason names: `null_required` of all required columns together."""
    kinds: Counter[str] = Counter()
    for reason, count in reasons.items():
        kinds[reason.partition(":")[0]] += count
    return kinds


def _by_count(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))
