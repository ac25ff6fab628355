"""`weblogs init`: what must be there before the first load."""

from __future__ import annotations

import click


@click.command()
def init() -> None:
    """Create schemas and tables, bring those of an earlier version forward, and upload the jsonpaths files.

    Nothing is dropped. Safe to run again, beside another one, and after one that was interrupted.
    """
    for line in initialise_stack():
        click.echo(line)


def initialise_stack() -> list[str]:
    """Runs `sql/ddl` and its migrations, and uploads `jsonpaths/` with the platform's own settings; a line for each thing done."""
    from resources import LakeResource, RedshiftResource
    from weblogs_platform.dashboard.access import grant_reading
    from weblogs_platform.pipeline.provision import initialise
    from weblogs_platform.settings import Settings

    warehouse = RedshiftResource().warehouse()
    done = initialise(LakeResource().lake(), warehouse)
    reader = Settings.from_env().dashboard_user
    return done + (grant_reading(warehouse, reader) if reader else [])
