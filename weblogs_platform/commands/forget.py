"""`weblogs forget`: takes landing hours out of the warehouse, for a load to bring them in anew."""

from __future__ import annotations

import uuid

import click

from weblogs_platform.commands.load import HourArgument, StreamArgument, refuse_impossible
from weblogs_platform.core.partitions import LandingHour
from weblogs_platform.core.spec import StreamSpec


@click.command()
@click.option(
    "--stream", "streams", type=StreamArgument(), required=True, help="A declared stream, or `all`."
)
@click.option("--from", "first", type=HourArgument(), required=True, help="First hour (UTC), 2025-07-20T10.")
@click.option("--to", "end", type=HourArgument(), required=True, help="The hour after the last one.")
def forget(streams: tuple[StreamSpec, ...], first: LandingHour, end: LandingHour) -> None:
    """Take landing hours --from up to, and without, --to out of table, ledger and receipts.

    For hours whose table or ledger was changed by hand, or is lost. An hour whose objects are not all in S3 as they were
    loaded is refused. Load the hours next: `weblogs load`, or the daemon does.
    """
    from resources import LakeResource, RedshiftResource
    from weblogs_platform.pipeline.forget import forget_hour

    for spec in streams:
        refuse_impossible(spec, first, end)
    lake, warehouse, run_id = (
        LakeResource().lake(),
        RedshiftResource().warehouse(),
        f"weblogs forget {uuid.uuid4()}",
    )
    for spec in streams:
        found = False
        for hour in first.until(end):
            done = forget_hour(lake, warehouse, spec, hour, run_id=run_id)
            if done.rows or done.objects:
                found = True
                again = f"; {done.settled} records are in quarantine again" if done.settled else ""
                click.echo(
                    f"{spec.name} {hour.partition_key}: {done.rows} rows of {done.objects} objects taken out{again}"
                )
        if found:
            click.echo(f"now: weblogs load --stream {spec.name} --from {_typed(first)} --to {_typed(end)}")
        else:
            click.echo(f"{spec.name}: the warehouse has nothing of these hours")


def _typed(hour: LandingHour) -> str:
    return f"{hour.start:%Y-%m-%dT%H}"
