"""`weblogs load`: landing hours through Dagster's assets, in this process.

The runs show in Dagster's UI when there is an instance ($DAGSTER_HOME, else the embedded stack's).
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from weblogs_platform.core.errors import InvalidName
from weblogs_platform.core.partitions import LandingHour
from weblogs_platform.core.spec import StreamSpec
from weblogs_platform.settings import dagster_home
from weblogs_platform.streams import STREAMS, stream_named

if TYPE_CHECKING:
    from rich.progress import Progress
    from rich.table import Table

    from assets.in_process import LoadedHours


class HourArgument(click.ParamType):
    """A UTC hour as a person types it."""

    name = "HOUR"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> LandingHour:
        try:
            return value if isinstance(value, LandingHour) else LandingHour.from_argument(value)
        except InvalidName as error:
            self.fail(str(error), param, ctx)


class StreamArgument(click.ParamType):
    """One declared stream, or `all`."""

    name = "STREAM"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[StreamSpec, ...]:
        try:
            return STREAMS if value == "all" else (stream_named(value),)
        except InvalidName as error:
            self.fail(f"{error}, all", param, ctx)


@click.command()
@click.option(
    "--stream", "streams", type=StreamArgument(), required=True, help="A declared stream, or `all`."
)
@click.option("--from", "first", type=HourArgument(), required=True, help="First hour (UTC), 2025-07-20T10.")
@click.option("--to", "end", type=HourArgument(), required=True, help="The hour after the last one.")
@click.pass_context
def load(ctx: click.Context, streams: tuple[StreamSpec, ...], first: LandingHour, end: LandingHour) -> None:
    """Load landing hours --from up to, and without, --to: validate, copy, check.

    What is loaded already is left as it is. Exit status 1 when an hour failed; it is named.
    """
    from rich.console import Console

    for spec in streams:
        refuse_impossible(spec, first, end)
    results = load_streams(streams, first, end)
    Console().print(summary(results))
    for result in results:
        for why, hours in _by_reason(result.failed).items():
            click.echo(f"{result.spec.name} failed: {', '.join(hours)}: {why}", err=True)
    ctx.exit(1 if any(result.failed for result in results) else 0)


def load_streams(streams: Sequence[StreamSpec], first: LandingHour, end: LandingHour) -> list[LoadedHours]:
    """Loads [first, end) of every stream with a progress bar on standard error."""
    from assets.in_process import instance_at, load_hours
    from weblogs_platform.definitions import defs

    hours = list(first.until(end))
    results: list[LoadedHours] = []
    with instance_at(dagster_home()) as instance, _progress() as progress:
        for spec in streams:
            task = progress.add_task(spec.name, total=len(hours))
            done = load_hours(defs, spec, hours, instance, lambda task=task: progress.advance(task))
            results.append(done)
    return results


def refuse_impossible(spec: StreamSpec, first: LandingHour, end: LandingHour) -> None:
    """Raises click.BadParameter when [first, end) is empty or has hours that are no partition."""
    if end <= first:
        raise click.BadParameter(f"{end.partition_key} is not after {first.partition_key}", param_hint="--to")
    running = LandingHour.containing(datetime.now(UTC))
    if end > running.plus(1):
        raise click.BadParameter(f"the running hour, {running.partition_key}, is the last", param_hint="--to")
    if first < spec.first_hour:
        raise click.BadParameter(
            f"{spec.name} begins at {spec.first_hour.partition_key}", param_hint="--from"
        )


def summary(results: Sequence[LoadedHours]) -> Table:
    """One line a stream; what was quarantined, by reason."""
    from rich.box import SIMPLE
    from rich.table import Table

    table = Table(box=SIMPLE)
    for name in ("stream", "hours", "files", "records", "loaded", "new", "duplicates", "quarantined"):
        table.add_column(name, justify="left" if name in {"stream", "quarantined"} else "right", no_wrap=True)
    for result in results:
        n = result.counts
        cells = (result.hours, n["files"], n["records"], n["loaded"], n["rows_loaded_now"], n["duplicates"])
        reasons = [f"{count} {reason}" for reason, count in result.reasons.most_common() if count]
        table.add_row(result.spec.name, *map(str, cells), "\n".join([str(n["quarantined"]), *reasons]))
    return table


def _by_reason(failed: Mapping[str, str]) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = {}
    for hour, why in failed.items():
        grouped.setdefault(why, []).append(hour)
    return grouped


@contextmanager
def _progress() -> Iterator[Progress]:
    """A bar on standard error as it is now: a run redirects it into Dagster's log, where it is only noise."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("hours"))
    with (
        os.fdopen(os.dup(2), "w", encoding="utf-8") as terminal,
        Progress(*columns, TimeRemainingColumn(), console=Console(file=terminal)) as progress,
    ):
        yield progress
