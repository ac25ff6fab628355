"""`weblogs dashboard`: the dashboards, on loopback unless told otherwise, until Ctrl-C."""

from __future__ import annotations

import os
from ipaddress import ip_address
from typing import Any

import click


class AddressArgument(click.ParamType):
    """An IP address of this machine."""

    name = "ADDRESS"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            return str(ip_address(str(value)))
        except ValueError:
            self.fail(f"{value!r} is not an IP address such as 0.0.0.0", param, ctx)


@click.command()
@click.option("--port", type=click.IntRange(1, 65_535), default=8501, show_default=True, help="The port.")
@click.option(
    "--host",
    type=AddressArgument(),
    default="127.0.0.1",
    show_default=True,
    help="The address to listen on; 0.0.0.0 in a container, behind something that asks who comes.",
)
def dashboard(port: int, host: str) -> None:
    """Serve the dashboards, until Ctrl-C.

    They ask nobody who they are: other addresses than 127.0.0.1 need a login before them.

    They read the warehouse with the user of WEBLOGS_DASHBOARD_USER and WEBLOGS_DASHBOARD_PASSWORD, who needs to
    read only. With WEBLOGS_DASHBOARD_UNLOCK set, its value opens customers' ids and messages in a session.
    """
    from weblogs_platform.dashboard.serve import command
    from weblogs_platform.settings import DashboardSettings

    DashboardSettings.from_env()
    shown = f"[{host}]" if ":" in host else host
    click.echo(f"dashboards on http://{shown}:{port}; Ctrl-C stops them")
    if not ip_address(host).is_loopback:
        click.echo(
            "whoever reaches this address sees the figures: let something before it ask who comes", err=True
        )
    line = command(port, host=host)
    os.execv(line[0], line)  # noqa: S606 - our own interpreter, so that Ctrl-C reaches the server itself
