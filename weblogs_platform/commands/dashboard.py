"""`weblogs dashboard`: the dashboards on loopback, until Ctrl-C."""

from __future__ import annotations

import os

import click


@click.command()
@click.option(
    "--port", type=click.IntRange(1, 65_535), default=8501, show_default=True, help="Port on 127.0.0.1."
)
def dashboard(port: int) -> None:
    """Serve the dashboards on 127.0.0.1, until Ctrl-C.

    They read the warehouse with the user of WEBLOGS_DASHBOARD_USER and WEBLOGS_DASHBOARD_PASSWORD, who needs to
    read only. With WEBLOGS_DASHBOARD_UNLOCK set, its value opens customers' ids and messages in a session.
    """
    from weblogs_platform.dashboard.serve import command
    from weblogs_platform.settings import DashboardSettings

    DashboardSettings.from_env()
    click.echo(f"dashboards on http://127.0.0.1:{port}; Ctrl-C stops them")
    line = command(port)
    os.execv(line[0], line)  # noqa: S606 - our own interpreter, so that Ctrl-C reaches the server itself
