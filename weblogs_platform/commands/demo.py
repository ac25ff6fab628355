"""`weblogs demo`: the whole platform at once, on a day of generated traffic and, where there is one, a real log.

It does what a person would: start the stack, create the tables, deliver as Firehose does, load through the
assets, look. Everything it makes is deterministic by hour, so that a second demo adds nothing to the same hours.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from weblogs_platform.core.partitions import LandingHour
from weblogs_platform.core.spec import StreamSpec
from weblogs_platform.kpis import TABLES
from weblogs_platform.settings import PROJECT_ROOT, home_folder
from weblogs_platform.streams import BATCH_SOURCES, FIREHOSE_STREAMS, WEB_LOGS

if TYPE_CHECKING:
    from weblogs_platform.local.endpoints import Endpoints
    from weblogs_platform.local.traffic.writer import ObjectWriter

SAMPLE_LOG = PROJECT_ROOT.parent / "shared" / "data" / "access-log-2015-05.log.gz"
"""A day-long public sample that may lie beside the checkout; the demo goes without it when it does not."""

POS_EVERY_HOURS = 3
"""Tills deliver once a day; here more often, so that a day that has just begun has sales too."""


@dataclass(frozen=True)
class Window:
    """Hours of one source that were delivered and are to be loaded, [first, end)."""

    title: str
    stream: StreamSpec
    first: LandingHour
    end: LandingHour


@click.command()
@click.option(
    "--serve/--no-serve", default=True, help="Stay up with Dagster's UI afterwards.  [default: yes]"
)
@click.option(
    "--hours", type=click.IntRange(1, 24 * 31), default=24, show_default=True, help="Hours of traffic."
)
@click.option(
    "--rate", type=click.IntRange(1), default=4000, show_default=True, help="Web-log events an hour."
)
@click.option(
    "--access-log",
    type=click.Path(dir_okay=False, exists=True, path_type=Path),
    help="A combined access log to load as well.",
)
@click.pass_context
def demo(ctx: click.Context, serve: bool, hours: int, rate: int, access_log: Path | None) -> None:
    """Start everything, deliver traffic with faults, load it, compute KPIs, and show what became of it."""
    log = access_log or (SAMPLE_LOG if SAMPLE_LOG.is_file() else None)
    with _stack() as (endpoints, ours):
        if not _deliver_and_load(endpoints, hours, rate, log):
            ctx.exit(1)
        if not ours:
            click.echo("\nThe stack was running before and goes on running (`weblogs down` stops it).")
            _point_around(endpoints)
    if ours and serve:
        _serve()
    elif ours:
        click.echo(f"\nStopped; the data stays in {_folder()}. `make demo` brings it back with Dagster's UI.")


def _deliver_and_load(endpoints: Endpoints, hours: int, rate: int, log: Path | None) -> bool:
    """Whether all of it was loaded, computed, and the sums agree."""
    from weblogs_platform.commands.demo_report import Loaded, print_report
    from weblogs_platform.commands.load import load_streams
    from weblogs_platform.commands.refresh import refresh_tables

    _say("Creating tables, uploading jsonpaths")
    _initialise()
    _say(f"Delivering {hours} hours of traffic, sales and stock" + (f", and {log.name}" if log else ""))
    windows = _deliver(endpoints, hours, rate, log)
    _say("Loading through Dagster's assets")
    # Old hours first, so that Dagster's newest events are those of the newest hours.
    in_time = sorted(windows, key=lambda window: window.first)
    loaded = {w.title: load_streams((w.stream,), w.first, w.end)[0] for w in in_time}
    _say("Computing what was sold, in stock, visited and said, by the time of the event")
    refreshed = refresh_tables(TABLES)
    return print_report(_say, endpoints, [Loaded(w.title, loaded[w.title]) for w in windows], refreshed)


@contextmanager
def _stack() -> Iterator[tuple[Endpoints, bool]]:
    """The running stack's endpoints, or one started here without Dagster's UI; and whether it is ours."""
    from weblogs_platform.local import state
    from weblogs_platform.local.home import Home
    from weblogs_platform.local.stack import Stack, attach

    folder = home_folder()
    if state.look(Home(folder)).is_ready:
        endpoints = attach(folder)
        with _environment_of(endpoints):
            yield endpoints, False
        return
    _say(f"Starting S3 and Redshift in {_folder()}")
    with Stack(folder).running(dagster=False) as endpoints, _environment_of(endpoints):
        yield endpoints, True


@contextmanager
def _environment_of(endpoints: Endpoints) -> Iterator[None]:
    """Whatever AWS account, warehouse or proxy the user's shell names, the demo means its own servers."""
    from weblogs_platform.local.environment import inherited

    before = dict(os.environ)
    _replace_environment({**inherited(before), **endpoints.variables("platform")})
    try:
        yield
    finally:
        _replace_environment(before)


def _replace_environment(variables: Mapping[str, str]) -> None:
    for name in os.environ.keys() - variables.keys():
        del os.environ[name]
    os.environ.update(variables)


def _initialise() -> None:
    from weblogs_platform.commands.init import initialise_stack

    initialise_stack()


def _deliver(endpoints: Endpoints, hours: int, rate: int, log: Path | None) -> list[Window]:
    from weblogs_platform.local.traffic.batch import BatchPlan, generate_batch
    from weblogs_platform.local.traffic.batch_rows import BatchShares
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
    for spec in FIREHOSE_STREAMS:
        plan = TrafficPlan(
            stream=spec,
            rate=rate if spec is WEB_LOGS else rate / 10,
            shares=shares,
            delivery=Delivery(gzip=spec is not WEB_LOGS),
        )
        for _ in writer.write(delivered.counting(generate_history(plan, first, hours))):
            pass
    shop = BatchPlan(
        pos_every_hours=POS_EVERY_HOURS,
        shares=BatchShares(
            null=0.01,
            mistyped=0.005,
            negative=0.005,
            columns=0.005,
            duplicate=0.01,
            late=0.1,
            bom=0.3,
            crlf=0.3,
        ),
    )
    for _ in writer.write(delivered.counting(generate_batch(shop, first, hours))):
        pass
    for name, sent in delivered.streams.items():
        click.echo(
            f"  {name}: {sent.records:,} records in {sent.objects:,} objects ({sent.bytes / 1e6:,.1f} MB), "
            f"{sent.bad:,} of them bad on purpose"
        )
    windows = [Window(spec.name, spec, first, end) for spec in (*FIREHOSE_STREAMS, *BATCH_SOURCES)]
    return [*windows, *(_deliver_log(writer, log) if log else ())]


def _deliver_log(writer: ObjectWriter, log: Path) -> list[Window]:
    from weblogs_platform.local.traffic.access_log import read_lines
    from weblogs_platform.local.traffic.access_log_visits import AccessLogReport, access_log_objects

    report = AccessLogReport()
    landed: list[LandingHour] = []
    with log.open("rb") as file:
        for item in writer.write(access_log_objects(read_lines(file), report)):
            path = item.key.removeprefix(f"{WEB_LOGS.landing_prefix}/")
            landed.append(LandingHour.from_path(path[: len("YYYY/MM/DD/HH")]))
    click.echo(f"  {log.name}: {report.events:,} of {report.lines:,} requests became web-log events")
    return [Window("access log", WEB_LOGS, min(landed), max(landed).plus(1))] if landed else []


def _serve() -> None:
    from weblogs_platform.local import supervise
    from weblogs_platform.local.stack import Wanted

    _say("Starting again with Dagster's UI, its sensors and the dashboards")
    supervise.run(home_folder(), Wanted(dagster=True), _point_around)
    click.echo(f"Stopped; the data stays in {_folder()}.")


def _point_around(endpoints: Endpoints) -> None:
    from weblogs_platform.commands.demo_report import pointers

    click.echo()
    for what, how in pointers(endpoints):
        click.echo(f"  {click.style(f'{what:20}', bold=True)} {how}")


def _say(what: str) -> None:
    click.echo(click.style(f"==> {what}", bold=True))


def _folder() -> str:
    return os.path.relpath(home_folder())
