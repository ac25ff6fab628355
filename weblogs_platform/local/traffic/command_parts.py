"""What the `weblogs traffic` commands share: arguments, options, and where objects go."""

from __future__ import annotations

import json
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

import click

from weblogs_platform.core.errors import InvalidName, WeblogsError
from weblogs_platform.core.partitions import LandingHour
from weblogs_platform.local.traffic.firehose import DeliveredObject
from weblogs_platform.local.traffic.summary import TrafficSummary
from weblogs_platform.local.traffic.writer import ObjectWriter

Command = TypeVar("Command", bound=Callable[..., Any])
Objects = Iterator[DeliveredObject]


class HourArgument(click.ParamType):
    """A UTC hour as a person types it."""

    name = "hour"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> LandingHour:
        try:
            return value if isinstance(value, LandingHour) else LandingHour.from_argument(value)
        except InvalidName as error:
            self.fail(str(error), param, ctx)


@dataclass(frozen=True)
class Output:
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


FIRST_HOUR = click.option(
    "--from",
    "first",
    type=HourArgument(),
    help="First hour, such as 2025-07-20T00, UTC. Default: so many hours ago.",
)
LIVE_OPTIONS = (
    click.option("--live", is_flag=True, help="Deliver in real time from now on, until Ctrl-C."),
    click.option(
        "--duration",
        type=click.FloatRange(min=0, min_open=True),
        help="With --live: stop after so many seconds.",
    ),
)


def with_options(options: Sequence[Callable[[Command], Command]]) -> Callable[[Command], Command]:
    """A decorator that adds the options in their order."""

    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def share_option(name: str, text: str) -> Callable[[Command], Command]:
    return click.option(
        f"--{name}-share", type=click.FloatRange(0, 1), default=0.0, show_default=True, help=text
    )


Made = TypeVar("Made")

OUTPUT_OPTIONS = (
    click.option("--dry-run", is_flag=True, help="Only say what would be delivered."),
    click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON."),
)


def refusing(make: Callable[[], Made]) -> Made:
    """Makes a value of options; what they contradict is a usage error."""
    try:
        return make()
    except InvalidName as error:
        raise click.UsageError(str(error)) from error


def now_us() -> int:
    """The present time in microseconds since 1970 UTC."""
    return time.time_ns() // 1000


@contextmanager
def stop_on_signal() -> Iterator[threading.Event]:
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
