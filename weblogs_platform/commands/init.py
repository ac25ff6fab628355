"""`weblogs init`: what must be there before the first load."""

from __future__ import annotations

import click


@click.command()
@click.option("--lake", "lake_tables", is_flag=True, help="The external tables over the lakehouse, too.")
def init(*, lake_tables: bool) -> None:
    """Create schemas and tables, bring those of an earlier version forward, and upload the jsonpaths files.

    Nothing is dropped. Safe to run again, beside another one, and after one that was interrupted.
    """
    for line in initialise_stack() + (initialise_lake_tables() if lake_tables else []):
        click.echo(line)


def initialise_stack() -> list[str]:
    """Runs `sql/ddl` and its migrations, and uploads `jsonpaths/` with the platform's own settings; a line for each thing done."""
    from resources import LakeResource, RedshiftResource
    from weblogs_platform.dashboard.access import set_reading
    from weblogs_platform.pipeline.provision import initialise
    from weblogs_platform.settings import Settings

    warehouse = RedshiftResource().warehouse()
    done = initialise(LakeResource().lake(), warehouse)
    settings = Settings.from_env()
    reader = settings.dashboard_user
    return done + (set_reading(warehouse, reader, settings.dashboard_reads) if reader else [])


def initialise_lake_tables() -> list[str]:
    """Runs `sql/ddl/spectrum` over the bucket's lakehouse, adds columns that streams gained, and shows what it holds; a
    line for each thing done."""
    from resources import LakeResource, RedshiftResource
    from weblogs_platform.core.lake_statements import LAKE_SCHEMA
    from weblogs_platform.core.lakehouse import PREFIX
    from weblogs_platform.pipeline.lake_tables import (
        add_lake_columns,
        create_lake_tables,
        show_copied_hours,
    )
    from weblogs_platform.streams import STREAMS

    warehouse, url = RedshiftResource().warehouse(), LakeResource().lake().url(PREFIX)
    copied = [spec for spec in STREAMS if spec.lakehouse]
    done = create_lake_tables(warehouse, url)
    done += [line for spec in copied for line in add_lake_columns(warehouse, spec)]
    shown = [(spec, show_copied_hours(warehouse, spec, url)) for spec in copied]
    return done + [f"{LAKE_SCHEMA}.{spec.table}: {hours} hours" for spec, hours in shown]
