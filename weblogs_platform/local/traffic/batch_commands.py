"""`weblogs traffic batch`: the files of tills and warehouses."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

import click

from weblogs_platform.core.partitions import LandingHour
from weblogs_platform.local.traffic.batch import SOURCES, BatchPlan, generate_batch
from weblogs_platform.local.traffic.batch_rows import BatchShares
from weblogs_platform.local.traffic.command_parts import (
    FIRST_HOUR,
    LIVE_OPTIONS,
    OUTPUT_OPTIONS,
    Output,
    now_us,
    refusing,
    share_option,
    stop_on_signal,
    with_options,
)
from weblogs_platform.local.traffic.live import live_batch_files
from weblogs_platform.local.traffic.shop import MOST_PRODUCTS, MOST_STORES, MOST_WAREHOUSES, Shop

_OPTIONS = (
    FIRST_HOUR,
    click.option("--hours", type=click.IntRange(min=1), help="The files that land in so many hours."),
    *LIVE_OPTIONS,
    click.option("--source", type=click.Choice([*SOURCES, "all"]), default="all", show_default=True),
    click.option(
        "--pos-every",
        type=int,
        default=BatchPlan.pos_every_hours,
        show_default=True,
        help="Hours that a POS file is about: 24 lands after midnight with the day before; a divisor of 24 "
        "brings today's sales too.",
    ),
    click.option(
        "--stores", type=int, default=Shop.stores, show_default=True, help=f"1 to {MOST_STORES} stores."
    ),
    click.option(
        "--products",
        type=int,
        default=Shop.products,
        show_default=True,
        help=f"1 to {MOST_PRODUCTS} products.",
    ),
    click.option(
        "--warehouses",
        type=int,
        default=Shop.warehouses,
        show_default=True,
        help=f"1 to {MOST_WAREHOUSES} warehouses, each with every product.",
    ),
    click.option(
        "--sales-rate",
        type=float,
        default=Shop.sales_rate,
        show_default=True,
        help="Sales an hour, a week's average.",
    ),
    click.option(
        "--seed", type=int, default=1, show_default=True, help="The same seed makes the same files."
    ),
    click.option("--curve/--no-curve", default=True, show_default=True, help="Daily curve and weekdays."),
    share_option("null", "Rows with a required field null."),
    share_option("mistyped", "Rows with a word where a number belongs."),
    share_option("negative", "Rows with a negative amount or time."),
    share_option("future", "Rows of 2 to 29 days ahead."),
    share_option("columns", "Rows with a value too many or too few; in JSON without a required member."),
    share_option("duplicate", "Rows delivered twice in a file; the later one is right."),
    share_option("late", "Files followed by a second one, 2 to 9 hours later, with rest and corrections."),
    share_option("bom", "CSV files with a byte order mark."),
    share_option("crlf", "CSV files with Windows line ends."),
    share_option("quoted", "CSV files with every value in quotes."),
    share_option("reordered", "CSV files with their columns in another order."),
    share_option("extra-column", "CSV files with a column that nobody asked for."),
    share_option("json-lines", "Inventory files as JSON lines; the others are JSON arrays."),
    click.option("--gzip", is_flag=True, help="Compress the files."),
    *OUTPUT_OPTIONS,
)


@click.command("batch")
@with_options(_OPTIONS)
@click.pass_context
def batch(ctx: click.Context, /, **options: Any) -> None:
    """Deliver POS and inventory files of a simulated shop: what is sold leaves stock, restocks come.

    Windows of the same options fit together: the same hours are the same files.
    """
    plan = refusing(lambda: _plan(options))
    hours: int | None = options["hours"]
    first: LandingHour | None = options["first"]
    output = Output(options["dry_run"], options["as_json"], each=options["live"])
    if options["live"]:
        if first is not None or hours is not None:
            raise click.UsageError("--live delivers from now on: leave --from and --hours away")
        with stop_on_signal() as stop:
            files = live_batch_files(plan, clock=now_us, wait=stop.wait, duration_secs=options["duration"])
            output.deliver(ctx, files)
        return
    if hours is None or options["duration"] is not None:
        raise click.UsageError(
            "say how many --hours (with --from or up to now), or --live [--duration SECONDS]"
        )
    start = first or LandingHour.containing(datetime.now(UTC)).plus(-hours)
    output.deliver(ctx, generate_batch(plan, start, hours))


def _plan(options: dict[str, Any]) -> BatchPlan:
    names = ("stores", "products", "warehouses", "sales_rate", "seed", "curve")
    return BatchPlan(
        shop=Shop(**{name: options[name] for name in names}),
        sources=SOURCES if options["source"] == "all" else (options["source"],),
        pos_every_hours=options["pos_every"],
        shares=BatchShares(**{item.name: options[f"{item.name}_share"] for item in fields(BatchShares)}),
        gzip=options["gzip"],
    )
