"""`weblogs refresh`: derived tables (processed tables and KPIs) through Dagster's assets, in this process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from weblogs_platform.core.derived import DerivedTable
from weblogs_platform.core.errors import InvalidName
from weblogs_platform.kpis import TABLES, table_named
from weblogs_platform.streams import FIRST_HOUR

if TYPE_CHECKING:
    from rich.table import Table

    from assets.derived_in_process import RefreshedTable


class DayArgument(click.ParamType):
    """A UTC day as a person types it."""

    name = "DAY"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if isinstance(value, datetime):
            return value
        try:
            return datetime.strptime(value, "%Y-%m-%d").replace(tzinfo=UTC)
        except ValueError:
            self.fail(f"{value!r} is not a day such as 2025-07-20, in UTC", param, ctx)


@click.command()
@click.option(
    "--from", "first", type=DayArgument(), help="First day (UTC), 2025-07-20. Default: what is stale."
)
@click.option("--to", "end", type=DayArgument(), help="The day after the last one.")
@click.option("--table", "names", multiple=True, metavar="TABLE", help="Only this table (repeatable).")
@click.pass_context
def refresh(ctx: click.Context, first: datetime | None, end: datetime | None, names: tuple[str, ...]) -> None:
    """Compute processed and KPI tables anew: what is stale, or the days --from up to, and without, --to.

    Exit status 1 when a table failed, or a check on it.
    """
    from rich.console import Console

    tables = _tables(names)
    if (first is None) != (end is None):
        raise click.UsageError("give both --from and --to, or neither for what is stale")
    if first and end:
        _refuse_impossible(first, end)
    done = refresh_tables(tables, (first, end) if first and end else None)
    Console().print(summary(done))
    for name, table in done.items():
        for why in [table.failed] if table.failed else table.failed_checks:
            click.echo(f"{name} failed: {why}", err=True)
    ctx.exit(0 if all(table.is_well for table in done.values()) else 1)


def refresh_tables(
    tables: Sequence[DerivedTable], span: tuple[datetime, datetime] | None = None
) -> dict[str, RefreshedTable]:
    """Refreshes [first, end) of the tables, or, without a span, whatever is stale."""
    from assets.derived_in_process import Refresher
    from assets.in_process import instance_at
    from resources import RedshiftResource
    from weblogs_platform.definitions import defs
    from weblogs_platform.settings import dagster_home

    with instance_at(dagster_home()) as instance:
        refresher = Refresher(defs, tables, instance, on_table=_Teller())
        if span:
            refresher.refresh_range(*span)
        else:
            refresher.refresh_stale(RedshiftResource().warehouse(), FIRST_HOUR.start, datetime.now(UTC))
    return refresher.done


def summary(done: Mapping[str, RefreshedTable]) -> Table:
    """One line a table."""
    from rich.box import SIMPLE
    from rich.table import Table

    table = Table(box=SIMPLE)
    for name in ("table", "periods", "rows", "state"):
        table.add_column(name, justify="right" if name in {"periods", "rows"} else "left", no_wrap=True)
    for name, one in done.items():
        state = "failed" if one.failed else f"{len(one.failed_checks)} checks failed"
        table.add_row(name, f"{one.periods:,}", f"{one.rows:,}", "ok" if one.is_well else state)
    return table


def _tables(names: Sequence[str]) -> Sequence[DerivedTable]:
    try:
        wanted = {table_named(name).name for name in names}
    except InvalidName as error:
        raise click.BadParameter(str(error), param_hint="--table") from error
    return [table for table in TABLES if table.name in wanted] if names else TABLES


def _refuse_impossible(first: datetime, end: datetime) -> None:
    if end <= first:
        raise click.BadParameter(f"{end:%Y-%m-%d} is not after {first:%Y-%m-%d}", param_hint="--to")
    if end > datetime.now(UTC) + timedelta(days=1):
        raise click.BadParameter("the running day is the last", param_hint="--to")
    if first < FIRST_HOUR.start:
        raise click.BadParameter(f"partitions begin on {FIRST_HOUR.start:%Y-%m-%d}", param_hint="--from")


class _Teller:
    """Says the name of each table once, as its first periods are made."""

    def __init__(self) -> None:
        self._told: set[str] = set()

    def __call__(self, name: str) -> None:
        if name not in self._told:
            self._told.add(name)
            click.echo(f"  {name}", err=True)
