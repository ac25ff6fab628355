"""The `weblogs traffic` commands. They know nothing of the stack: the caller puts a factory into click's
context,

    ctx.obj["delivery_s3"]() -> (boto3 S3 client with the delivery role's credentials, bucket name)

which is called once, and not at all with --dry-run.
"""

from __future__ import annotations

import json
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, TypeVar, cast

import click

from weblogs_platform.core.errors import InvalidName, WeblogsError
from weblogs_platform.core.partitions import LandingHour
from weblogs_platform.local.traffic.access_log import read_lines
from weblogs_platform.local.traffic.access_log_visits import (
    PSEUDONYM_KEY,
    AccessLogReport,
    access_log_objects,
)
from weblogs_platform.local.traffic.bench_set import BENCH_HOUR, bench_set
from weblogs_platform.local.traffic.faults import FaultShares
from weblogs_platform.local.traffic.firehose import DeliveredObject, Delivery
from weblogs_platform.local.traffic.history import PRODUCERS, TrafficPlan, generate_history
from weblogs_platform.local.traffic.live import live_objects
from weblogs_platform.local.traffic.summary import TrafficSummary
from weblogs_platform.local.traffic.writer import ObjectWriter
from weblogs_platform.streams import CUSTOMER_INTERACTIONS, stream_named

INTERACTIONS_PER_EVENT = 0.1
Command = TypeVar("Command", bound=Callable[..., Any])
Objects = Iterator[DeliveredObject]


class _Hour(click.ParamType):
    name = "hour"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> LandingHour:
        try:
            return value if isinstance(value, LandingHour) else LandingHour.from_argument(value)
        except InvalidName as error:
            self.fail(str(error), param, ctx)


@dataclass(frozen=True)
class _Output:
    """Where objects go, and what is printed: each object's key, the summary as text or as JSON."""

    dry_run: bool
    as_json: bool
    folder: Path | None = None
    each: bool = False

    def deliver(self, ctx: click.Context, objects: Iterable[DeliveredObject], **more: Any) -> None:
        summary = TrafficSummary()
        try:
            for delivered in summary.counting(self._stored(ctx, objects)):
                if self.each and not self.as_json:
                    click.echo(delivered.key)
        except WeblogsError as error:
            raise click.ClickException(str(error)) from error
        if self.as_json:
            click.echo(json.dumps({**summary.as_dict(), **more}))
            return
        for line in summary.lines():
            click.echo(line)
        if not summary.streams:
            click.echo("nothing to deliver")

    def _stored(self, ctx: click.Context, objects: Iterable[DeliveredObject]) -> Iterable[DeliveredObject]:
        if self.dry_run:
            return objects
        if self.folder is not None:
            return _written(self.folder, objects)
        if not isinstance(ctx.obj, dict) or "delivery_s3" not in ctx.obj:
            raise click.UsageError("no S3 to deliver to: start the embedded stack, or use --dry-run")
        client, bucket = cast("dict[str, Callable[[], tuple[Any, str]]]", ctx.obj)["delivery_s3"]()
        return ObjectWriter(client, bucket).write(objects)


def _written(folder: Path, objects: Iterable[DeliveredObject]) -> Objects:
    for delivered in objects:
        path = folder / delivered.key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(delivered.body)
        yield delivered


def _all(options: Sequence[Callable[[Command], Command]]) -> Callable[[Command], Command]:
    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def _share(name: str, text: str) -> Callable[[Command], Command]:
    return click.option(
        f"--{name}-share", type=click.FloatRange(0, 1), default=0.0, show_default=True, help=text
    )


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
_output_options = (
    click.option("--dry-run", is_flag=True, help="Only say what would be delivered."),
    click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON."),
)
_traffic_options = (
    click.option(
        "--from",
        "first",
        type=_Hour(),
        help="First hour, such as 2025-07-20T00, UTC. Default: so many hours ago.",
    ),
    click.option("--hours", type=click.IntRange(min=1), help="How many hours."),
    click.option("--live", is_flag=True, help="Deliver in real time from now on, until Ctrl-C."),
    click.option(
        "--duration",
        type=click.FloatRange(min=0, min_open=True),
        help="With --live: stop after so many seconds.",
    ),
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
    _share("null", "Required field null, missing or empty, and the flat record of nulls."),
    _share("malformed", "Truncated, badly quoted, stray text, invalid UTF-8, NaN."),
    _share("mistyped", "A value of the wrong type, or out of its range."),
    _share("flat", "Valid records without the envelope."),
    _share("duplicate", "Records delivered twice, up to 15 minutes apart."),
    _share("late", "Records of 2 to 36 hours before."),
    *_delivery_options,
    *_output_options,
)


@click.group(invoke_without_command=True)
@_all(_traffic_options)
@click.pass_context
def traffic(ctx: click.Context, /, **options: Any) -> None:
    """Deliver traffic to S3 the way Firehose does: history, live, or from an access log.

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
@_all(_traffic_options)
@click.pass_context
def history_command(ctx: click.Context, /, **options: Any) -> None:
    """Generate past hours (or, with --live, from now on)."""
    _generate(ctx, **options)


@traffic.command("from-access-log")
@click.argument("file", type=click.File("rb"))
@click.option(
    "--pseudonym-key-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A secret that user ids are derived with; the built-in key is public.",
)
@_all((*_delivery_options, *_output_options))
@click.pass_context
def from_access_log(
    ctx: click.Context, /, file: BinaryIO, pseudonym_key_file: Path | None, **options: Any
) -> None:
    """Turn a combined access log (Apache, nginx; plain or gzip; - is standard input) into web-log events."""
    key = pseudonym_key_file.read_bytes().strip() if pseudonym_key_file else PSEUDONYM_KEY
    if not key:
        raise click.UsageError(f"{pseudonym_key_file} is empty: put a secret into it")
    report = AccessLogReport()
    delivery = _refusing(lambda: _delivery(options))
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
@click.option("--hour", type=_Hour(), default=BENCH_HOUR.start.strftime("%Y-%m-%dT%H"), show_default=True)
@click.option("--stream", type=click.Choice(list(PRODUCERS)), default="web_logs", show_default=True)
@click.option("--bad-share", type=click.FloatRange(0, 1), default=0.02, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("--gzip", is_flag=True)
@click.option("--newlines", is_flag=True)
@click.option(
    "--to", "folder", type=click.Path(file_okay=False, path_type=Path), help="A folder instead of S3."
)
@_all(_output_options)
@click.pass_context
def bench_set_command(
    ctx: click.Context, /, folder: Path | None, dry_run: bool, as_json: bool, **options: Any
) -> None:
    """Make a data set of an exact size within one hour, for measuring."""
    options["stream"] = stream_named(options["stream"])
    objects = _refusing(lambda: bench_set(**options))
    _Output(dry_run, as_json, folder).deliver(ctx, objects)


def _generate(ctx: click.Context, /, **options: Any) -> None:
    plans = _refusing(lambda: _plans(options))
    first: LandingHour | None = options["first"]
    hours: int | None = options["hours"]
    if options["live"]:
        if first is not None or hours is not None:
            raise click.UsageError("--live delivers from now on: leave --from and --hours away")
        with _stop_on_signal() as stop:
            objects = live_objects(plans, clock=_now_us, wait=stop.wait, duration_secs=options["duration"])
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


def _output(options: dict[str, Any]) -> _Output:
    return _Output(options["dry_run"], options["as_json"], each=options.get("live", False))


Made = TypeVar("Made")


def _refusing(make: Callable[[], Made]) -> Made:
    """Makes a value of options; what they contradict is a usage error."""
    try:
        return make()
    except InvalidName as error:
        raise click.UsageError(str(error)) from error


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


def _now_us() -> int:
    return time.time_ns() // 1000


@contextmanager
def _stop_on_signal() -> Iterator[threading.Event]:
    """An event that Ctrl-C and SIGTERM set, so that buffers are delivered and nothing is cut in two."""
    stop = threading.Event()
    before = {
        number: signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
