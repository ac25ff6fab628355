"""The `weblogs traffic` commands. They know nothing of the stack: the caller puts a factory into click's
context,

    ctx.obj["delivery_s3"]() -> (boto3 S3 client with the delivery role's credentials, bucket name)

which is called once, and not at all with --dry-run.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

import click

from weblogs_platform.core.partitions import LandingHour
from weblogs_platform.local.traffic.access_log import read_lines
from weblogs_platform.local.traffic.access_log_visits import (
    PSEUDONYM_KEY,
    AccessLogReport,
    access_log_objects,
)
from weblogs_platform.local.traffic.batch_commands import batch
from weblogs_platform.local.traffic.bench_set import BENCH_HOUR, bench_set
from weblogs_platform.local.traffic.command_parts import (
    FIRST_HOUR,
    LIVE_OPTIONS,
    OUTPUT_OPTIONS,
    HourArgument,
    Objects,
    Output,
    now_us,
    refusing,
    share_option,
    stop_on_signal,
    with_options,
)
from weblogs_platform.local.traffic.faults import FaultShares
from weblogs_platform.local.traffic.firehose import Delivery
from weblogs_platform.local.traffic.history import PRODUCERS, TrafficPlan, generate_history
from weblogs_platform.local.traffic.live import live_objects
from weblogs_platform.streams import CUSTOMER_INTERACTIONS, stream_named

INTERACTIONS_PER_EVENT = 0.1

_delivery_options = (
    click.option("--gzip", is_flag=True, help="Compress the objects."),
    click.option(
        "--newlines", is_flag=True, help="End each record with a new line; Firehose itself adds none."
    ),
    click.option(
        "--buffer-bytes",
        type=int,
        default=Delivery.buffer_bytes,
        show_default=True,
        help="Size of a full buffer.",
    ),
    click.option(
        "--buffer-seconds",
        type=float,
        default=300,
        show_default=True,
        help="Age of a full buffer, at most 900.",
    ),
)
_traffic_options = (
    FIRST_HOUR,
    click.option("--hours", type=click.IntRange(min=1), help="How many hours."),
    *LIVE_OPTIONS,
    click.option(
        "--rate",
        type=float,
        default=5000.0,
        show_default=True,
        help="Web-log events an hour, a week's average.",
    ),
    click.option(
        "--interactions-rate", type=float, help="Customer interactions an hour. Default: a tenth of --rate."
    ),
    click.option("--stream", type=click.Choice([*PRODUCERS, "all"]), default="all", show_default=True),
    click.option(
        "--seed", type=int, default=1, show_default=True, help="The same seed makes the same objects."
    ),
    click.option("--curve/--no-curve", default=True, show_default=True, help="Daily curve and weekdays."),
    share_option("null", "Required field null, missing or empty, and the flat record of nulls."),
    share_option("malformed", "Truncated, badly quoted, stray text, invalid UTF-8, NaN."),
    share_option("mistyped", "A value of the wrong type, or out of its range."),
    share_option("flat", "Valid records without the envelope."),
    share_option("duplicate", "Records delivered twice, up to 15 minutes apart."),
    share_option("late", "Records of 2 to 36 hours before."),
    *_delivery_options,
    *OUTPUT_OPTIONS,
)


@click.group(invoke_without_command=True)
@with_options(_traffic_options)
@click.pass_context
def traffic(ctx: click.Context, /, **options: Any) -> None:
    """Deliver traffic to S3 the way Firehose does: history, live, or from an access log. And the files of
    tills and warehouses: batch.

    Without a subcommand the options are those of `history`.
    """
    if ctx.invoked_subcommand is None:
        _generate(ctx, **options)
        return
    given = [
        name for name in options if ctx.get_parameter_source(name) == click.core.ParameterSource.COMMANDLINE
    ]
    if given:
        raise click.UsageError(
            f"options belong after `{ctx.invoked_subcommand}`, got {', '.join(sorted(given))} before it"
        )


@traffic.command("history")
@with_options(_traffic_options)
@click.pass_context
def history_command(ctx: click.Context, /, **options: Any) -> None:
    """Generate past hours (or, with --live, from now on)."""
    _generate(ctx, **options)


traffic.add_command(batch)


@traffic.command("from-access-log")
@click.argument("file", type=click.File("rb"))
@click.option(
    "--pseudonym-key-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A secret that user ids are derived with; the built-in key is public.",
)
@with_options((*_delivery_options, *OUTPUT_OPTIONS))
@click.pass_context
def from_access_log(
    ctx: click.Context, /, file: BinaryIO, pseudonym_key_file: Path | None, **options: Any
) -> None:
    """Turn a combined access log (Apache, nginx; plain or gzip; - is standard input) into web-log events."""
    key = pseudonym_key_file.read_bytes().strip() if pseudonym_key_file else PSEUDONYM_KEY
    if not key:
        raise click.UsageError(f"{pseudonym_key_file} is empty: put a secret into it")
    report = AccessLogReport()
    delivery = refusing(lambda: _delivery(options))
    output = _output(options)
    found: dict[str, Any] = {}
    objects = access_log_objects(read_lines(file), report, delivery=delivery, key=key)
    output.deliver(ctx, _then(objects, lambda: found.update(_lines_found(report))), access_log=found)
    if not output.as_json:
        _print_report(report)


@traffic.command("bench-set")
@click.option(
    "--bytes", "total_bytes", type=int, default=200_000_000, show_default=True, help="Bytes before gzip."
)
@click.option("--objects", type=click.IntRange(min=1), default=48, show_default=True)
@click.option(
    "--hour", type=HourArgument(), default=BENCH_HOUR.start.strftime("%Y-%m-%dT%H"), show_default=True
)
@click.option("--stream", type=click.Choice(list(PRODUCERS)), default="web_logs", show_default=True)
@click.option("--bad-share", type=click.FloatRange(0, 1), default=0.02, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("--gzip", is_flag=True)
@click.option("--newlines", is_flag=True)
@click.option(
    "--to", "folder", type=click.Path(file_okay=False, path_type=Path), help="A folder instead of S3."
)
@with_options(OUTPUT_OPTIONS)
@click.pass_context
def bench_set_command(
    ctx: click.Context, /, folder: Path | None, dry_run: bool, as_json: bool, **options: Any
) -> None:
    """Make a data set of an exact size within one hour, for measuring."""
    options["stream"] = stream_named(options["stream"])
    objects = refusing(lambda: bench_set(**options))
    Output(dry_run, as_json, folder).deliver(ctx, objects)


def _generate(ctx: click.Context, /, **options: Any) -> None:
    plans = refusing(lambda: _plans(options))
    first: LandingHour | None = options["first"]
    hours: int | None = options["hours"]
    if options["live"]:
        if first is not None or hours is not None:
            raise click.UsageError("--live delivers from now on: leave --from and --hours away")
        with stop_on_signal() as stop:
            objects = live_objects(plans, clock=now_us, wait=stop.wait, duration_secs=options["duration"])
            _output(options).deliver(ctx, objects)
        return
    if hours is None or options["duration"] is not None:
        raise click.UsageError(
            "say how many --hours (with --from or up to now), or --live [--duration SECONDS]"
        )
    start = first or LandingHour.containing(datetime.now(UTC)).plus(-hours)
    _output(options).deliver(ctx, (item for plan in plans for item in generate_history(plan, start, hours)))


def _plans(options: dict[str, Any]) -> list[TrafficPlan]:
    rate: float = options["rate"]
    interactions_rate: float | None = options["interactions_rate"]
    if interactions_rate is None:
        interactions_rate = rate * INTERACTIONS_PER_EVENT
    return [
        TrafficPlan(
            stream=stream_named(name),
            rate=interactions_rate if name == CUSTOMER_INTERACTIONS.name else rate,
            seed=options["seed"],
            curve=options["curve"],
            shares=FaultShares(
                **{key[:-6]: value for key, value in options.items() if key.endswith("_share")}
            ),
            delivery=_delivery(options),
        )
        for name in PRODUCERS
        if options["stream"] in (name, "all")
    ]


def _delivery(options: dict[str, Any]) -> Delivery:
    return Delivery(
        **{name: options[name] for name in ("gzip", "newlines", "buffer_bytes", "buffer_seconds")}
    )


def _output(options: dict[str, Any]) -> Output:
    return Output(options["dry_run"], options["as_json"], each=options.get("live", False))


def _then(objects: Objects, after: Callable[[], None]) -> Objects:
    yield from objects
    after()


def _lines_found(report: AccessLogReport) -> dict[str, Any]:
    return {
        "lines": report.lines,
        "events": report.events,
        "unparsable": dict(report.unparsable),
        "samples": report.samples,
    }


def _print_report(report: AccessLogReport) -> None:
    click.echo(f"{report.lines:,} lines: {report.events:,} events, {report.unparsable.total():,} unparsable")
    for number, reason in report.samples:
        click.echo(f"  line {number}: {reason}")
