"""The commands that control the embedded stack: up, down, status, env, sql, logs.

All of them mean the stack of $WEBLOGS_HOME (`.weblogs` in the working directory by default). What does the work
is imported by the command that needs it.
"""

from __future__ import annotations

import json
import os
import shlex
import sys
from typing import TYPE_CHECKING, Any

import click

from weblogs_platform.local.roles import ROLES, Role
from weblogs_platform.settings import home_folder

if TYPE_CHECKING:
    from weblogs_platform.local.endpoints import Endpoints
    from weblogs_platform.local.query import Result
    from weblogs_platform.local.state import StackState

_Port = click.IntRange(1, 65_535)


@click.command()
@click.option("--detach", "-d", is_flag=True, help="Return when it is ready, and leave it running.")
@click.option("--s3-port", type=_Port, help="Port of S3.  [default: 8333 if free, else another]")
@click.option("--redshift-port", type=_Port, help="Port of Redshift.  [default: 5439 if free, else another]")
@click.option(
    "--dagster-port", type=_Port, help="Port of Dagster's UI.  [default: 3000 if free, else another]"
)
@click.option(
    "--dagster/--no-dagster", default=True, help="Also run Dagster's UI and daemon.  [default: yes]"
)
@click.option("--redshift/--no-redshift", default=True, help="Also run Redshift.  [default: yes]")
@click.option(
    "--dashboard-port", type=_Port, help="Port of the dashboards.  [default: 8501 if free, else another]"
)
@click.option("--dashboard/--no-dashboard", default=True, help="Also run the dashboards.  [default: yes]")
@click.option("--ready-handle", type=int, hidden=True)
@click.pass_context
def up(ctx: click.Context, detach: bool, ready_handle: int | None, **options: Any) -> None:
    """Start the embedded S3, Redshift, Dagster and the dashboards, and stay until Ctrl-C.

    Data, keys and ports are kept in the folder. When a component dies the others are stopped and the exit status
    is 1.
    """
    from weblogs_platform.local import supervise
    from weblogs_platform.local.stack import Wanted

    wanted = Wanted(**options)
    if ready_handle is not None:
        supervise.run_detached(home_folder(), wanted, ready_handle)
    elif detach:
        endpoints, before = supervise.detach(home_folder(), wanted, _port_arguments(ctx))
        _announce(endpoints, "already running" if before else "running; `weblogs down` stops it")
    else:
        supervise.run(
            home_folder(), wanted, lambda endpoints: _announce(endpoints, "running; Ctrl-C stops it")
        )
        click.echo("stopped")


@click.command()
def down() -> None:
    """Stop the embedded stack, and whatever a crash left of it. Data and keys stay."""
    from weblogs_platform.local.supervise import bring_down

    folder = home_folder()
    click.echo(f"stopped the stack in {folder}" if bring_down(folder) else f"nothing is running in {folder}")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
@click.pass_context
def status(ctx: click.Context, as_json: bool) -> None:
    """Show what runs, and where. Exit status 1 when something is down."""
    from weblogs_platform.local import state
    from weblogs_platform.local.home import Home

    home = Home(home_folder())
    now = state.look(home)
    if as_json:
        click.echo(json.dumps(now.to_json(str(home)), indent=2))
    else:
        _print_status(now, str(home))
    ctx.exit(0 if now.is_ready else 1)


@click.command()
@click.option("--role", type=click.Choice(ROLES), default="admin", show_default=True, help="Whose S3 keys.")
def env(role: Role) -> None:
    """Print shell exports that connect the aws CLI, psql, notebooks or Dagster to the running stack.

    Use it as: eval "$(weblogs env)"
    """
    from weblogs_platform.local.environment import OVERRIDING, without_proxy
    from weblogs_platform.local.stack import attach

    endpoints = attach(home_folder())
    for name in sorted(set(OVERRIDING) & set(os.environ)):
        click.echo(f"unset {name}")
    for name, value in {**endpoints.variables(role), **without_proxy(os.environ)}.items():
        click.echo(f"export {name}={shlex.quote(value)}")


@click.command()
@click.argument("statement")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list of objects.")
def sql(statement: str, as_json: bool) -> None:
    """Run STATEMENT on the embedded Redshift; `-` reads it from standard input."""
    from weblogs_platform.local.query import run_statement
    from weblogs_platform.local.stack import attach

    text = sys.stdin.read() if statement == "-" else statement
    result = run_statement(attach(home_folder()), text)
    if as_json:
        click.echo(result.to_json())
    else:
        _print_result(result)


@click.command()
@click.argument("component", required=False)
@click.option("--follow", "-f", is_flag=True, help="Wait for more; Ctrl-C ends it.")
@click.option(
    "--lines", "-n", type=click.IntRange(min=0), default=50, show_default=True, help="How many of each."
)
def logs(component: str | None, follow: bool, lines: int) -> None:
    """Show the logs of the stack, or of one COMPONENT (s3, redshift, dashboard, dagster, supervisor)."""
    from weblogs_platform.local.home import Home
    from weblogs_platform.local.logs import read

    for line in read(Home(home_folder()), component, lines, follow=follow):
        click.echo(line)


def _port_arguments(ctx: click.Context) -> list[str]:
    """The options of this call again, for the supervisor."""
    names = ("s3_port", "redshift_port", "dagster_port", "dashboard_port")
    ports = [f"--{name.replace('_', '-')}={ctx.params[name]}" for name in names if ctx.params[name]]
    parts = [f"--{'' if ctx.params[part] else 'no-'}{part}" for part in ("redshift", "dagster", "dashboard")]
    return [*ports, *parts]


def _announce(endpoints: Endpoints, how: str) -> None:
    click.echo(f"{how}, data in {endpoints.home}")
    click.echo(f"  S3        {endpoints.s3_url}, bucket {endpoints.bucket}")
    if endpoints.redshift:
        redshift = endpoints.redshift
        click.echo(f"  Redshift  {redshift.host}:{redshift.port}, database {redshift.database}")
    click.echo(f"  Dagster   {endpoints.dagster_url or 'not started (--no-dagster)'}")
    if endpoints.dashboard_url:
        click.echo(f"  Dashboard {endpoints.dashboard_url}")
    click.echo('connect a shell with: eval "$(weblogs env)"')


def _print_status(now: StackState, home: str) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("component", "state", "pid", "endpoint", "data folder", box=None)
    for row in now.components:
        table.add_row(row.component, row.state, str(row.pid or "-"), row.endpoint, row.data_folder)
    console = Console(soft_wrap=True, highlight=False, markup=False)
    console.print(f"{home}: {now.phase}")
    if now.components:
        console.print(table)
    if now.error:
        console.print(now.error)


def _print_result(result: Result) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from weblogs_platform.core.errors import one_line

    if not result.columns:
        click.echo("done")
        return
    table = Table()
    for name in result.columns:
        table.add_column(Text(name))
    for row in result.rows:
        # What stands in a table was written by anybody, and must not steer this terminal.
        table.add_row(*(Text("" if value is None else one_line(str(value))) for value in row))
    # In a pipe nothing is folded or cut off.
    Console(width=None if sys.stdout.isatty() else 1_000_000).print(table)
    click.echo(f"({len(result.rows)} row{'' if len(result.rows) == 1 else 's'})")
