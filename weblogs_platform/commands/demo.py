"""`weblogs demo`: the whole platform at once, on a day of generated traffic and, where there is one, a real log.

It does what a person would: start the stack, create the tables, deliver as Firehose does, load through the
assets, look. Everything it makes is deterministic by hour, so that a second demo adds nothing to the same hours.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from weblogs_platform.core.partitions import LandingHour
from weblogs_platform.settings import PROJECT_ROOT, home_folder
from weblogs_platform.streams import STREAMS, WEB_LOGS

if TYPE_CHECKING:
    from assets.in_process import LoadedHours
    from weblogs_platform.local.endpoints import Endpoints

SAMPLE_LOG = PROJECT_ROOT.parent / "shared" / "data" / "access-log-2015-05.log.gz"
"""A day-long public sample that may lie beside the checkout; the demo goes without it when it does not."""


@dataclass(frozen=True)
class Window:
    """Hours of one stream that were delivered and are to be loaded, [first, end)."""

    streams: tuple[Any, ...]
    first: LandingHour
    end: LandingHour


@click.command()
@click.option("--serve/--no-serve", default=True, help="Stay up with Dagster's UI afterwards.  [default: yes]")
@click.option("--hours", type=click.IntRange(1, 24 * 31), default=24, show_default=True, help="Hours of traffic.")
@click.option("--rate", type=click.IntRange(1), default=4000, show_default=True, help="Web-log events an hour.")
@click.option(
    "--access-log",
    type=click.Path(dir_okay=False, exists=True, path_type=Path),
    help="A combined access log to load as well.",
)
@click.pass_context
def demo(ctx: click.Context, serve: bool, hours: int, rate: int, access_log: Path | None) -> None:
    """Start everything, deliver traffic with faults, load it, and show what became of it."""
    from weblogs_platform.commands.load import load_streams

    log = access_log or (SAMPLE_LOG if SAMPLE_LOG.is_file() else None)
    with _stack() as (endpoints, ours):
        _say("Tables and jsonpaths")
        _initialise()
        _say(f"Delivering {hours} hours of traffic" + (f" and {log.name}" if log else ""))
        windows = _deliver(endpoints, hours, rate, log)
        _say("Loading through Dagster's assets")
        results = [r for w in windows for r in load_streams(w.streams, w.first, w.end)]
        failed = _report(endpoints, results)
    if failed:
        ctx.exit(1)
    if not ours:
        click.echo("\nThe stack was running before and goes on running (`weblogs status`).")
    elif serve:
        _serve()
    else:
        click.echo("\nEverything is stopped; the data stays. `make demo` or `weblogs up` brings it back with the UI.")


@contextmanager
def _stack() -> Iterator[tuple[Endpoints, bool]]:
    """The running stack's endpoints, or one started here without Dagster's UI; and whether it is ours."""
    from weblogs_platform.local import state
    from weblogs_platform.local.home import Home
    from weblogs_platform.local.stack import Stack, attach

    folder = home_folder()
    if state.look(Home(folder)).is_ready:
        yield attach(folder), False
        return
    _say(f"Starting S3 and Redshift in {os.path.relpath(folder)}")
    with Stack(folder).running(dagster=False) as endpoints:
        yield endpoints, True


def _initialise() -> None:
    from weblogs_platform.commands.init import initialise_stack

    initialise_stack()


def _deliver(endpoints: Endpoints, hours: int, rate: int, log: Path | None) -> list[Window]:
    from weblogs_platform.local.traffic.faults import FaultShares
    from weblogs_platform.local.traffic.firehose import Delivery
    from weblogs_platform.local.traffic.history import TrafficPlan, generate_history
    from weblogs_platform.local.traffic.summary import TrafficSummary
    from weblogs_platform.local.traffic.writer import ObjectWriter

    writer = ObjectWriter(endpoints.s3("delivery"), endpoints.bucket)
    end = LandingHour.containing(datetime.now(UTC))
    first = end.plus(-hours)
    shares = FaultShares(null=0.02, malformed=0.005, mistyped=0.005, flat=0.01, duplicate=0.002, late=0.01)
    delivered = TrafficSummary()
    for spec in STREAMS:
        plan = TrafficPlan(
            stream=spec,
            rate=rate if spec is WEB_LOGS else rate / 10,
            shares=shares,
            delivery=Delivery(gzip=spec is not WEB_LOGS),
        )
        for _ in writer.write(delivered.counting(generate_history(plan, first, hours))):
            pass
    windows = [Window(STREAMS, first, end)]
    if log:
        windows += _deliver_log(writer, delivered, log)
    for line in delivered.lines():
        click.echo(f"  {line}")
    return windows


def _deliver_log(writer: Any, delivered: Any, log: Path) -> list[Window]:
    from weblogs_platform.local.traffic.access_log import read_lines
    from weblogs_platform.local.traffic.access_log_visits import AccessLogReport, access_log_objects

    report = AccessLogReport()
    landed: list[LandingHour] = []
    with log.open("rb") as file:
        for item in writer.write(delivered.counting(access_log_objects(read_lines(file), report))):
            path = item.key.removeprefix(f"{WEB_LOGS.landing_prefix}/")
            landed.append(LandingHour.from_path(path[: len("YYYY/MM/DD/HH")]))
    click.echo(f"  {log.name}: {report.events} of {report.lines} requests became events")
    return [Window((WEB_LOGS,), min(landed), max(landed).plus(1))] if landed else []


def _report(endpoints: Endpoints, results: list[LoadedHours]) -> bool:
    """Prints what was loaded and quarantined, and whether the sums agree; returns whether anything failed."""
    from rich.console import Console

    from weblogs_platform.commands.load import summary

    console = Console()
    console.print(summary(results))
    failed = [(r.spec.name, hour, why) for r in results for hour, why in r.failed.items()]
    for name, hour, why in failed:
        console.print(f"[red]{name} {hour} failed: {why}[/red]", markup=True, highlight=False)
    sums = _sums(endpoints)
    console.print(sums)
    return bool(failed)


def _sums(endpoints: Endpoints) -> Any:
    from rich.table import Table

    table = Table(title="shopware_ops.load_history against the tables: in = loaded + quarantined + dropped")
    for name in ("stream", "records in", "loaded", "quarantined", "dropped", "rows in the table", ""):
        table.add_column(name, justify="left" if name in {"stream", ""} else "right")
    with endpoints.connect() as connection:
        for spec in STREAMS:
            cursor = connection.cursor()
            cursor.execute(
                "SELECT COALESCE(SUM(records), 0), COALESCE(SUM(loaded), 0), COALESCE(SUM(quarantined), 0), "
                "COALESCE(SUM(duplicates_dropped), 0) FROM shopware_ops.load_history "
                "WHERE stream = %s AND superseded_at IS NULL",
                (spec.name,),
            )
            records, loaded, quarantined, dropped = (int(n) for n in cursor.fetchone())
            cursor.execute(f"SELECT COUNT(*) FROM {spec.qualified_table}")
            rows = int(cursor.fetchone()[0])
            adds_up = records == loaded + quarantined + dropped and rows == loaded
            cells = (records, loaded, quarantined, dropped, rows)
            table.add_row(spec.name, *(f"{n:,}" for n in cells), "adds up" if adds_up else "DOES NOT ADD UP")
    return table


def _serve() -> None:
    from weblogs_platform.local import supervise
    from weblogs_platform.local.stack import Wanted

    _say("Starting again with Dagster's UI and its sensors")

    def announce(endpoints: Endpoints) -> None:
        click.echo(f"\nDagster's UI      {endpoints.dagster_url}")
        click.echo('Look at the data  .venv/bin/weblogs sql "SELECT * FROM shopware_stream.web_logs_stream LIMIT 10"')
        click.echo("More traffic      .venv/bin/weblogs traffic --live      (the sensors load it)")
        click.echo("Stop              Ctrl-C")

    supervise.run(home_folder(), Wanted(dagster=True), announce)
    click.echo("stopped")


def _say(what: str) -> None:
    click.echo(click.style(f"==> {what}", bold=True))
