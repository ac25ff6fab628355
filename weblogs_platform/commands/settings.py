"""`weblogs settings`: what is set, and where it comes from."""

from __future__ import annotations

import json
from collections.abc import Sequence

import click

from weblogs_platform.core.errors import WeblogsError
from weblogs_platform.settings import Effective, Settings, effective_settings, settings_file


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print them as JSON.")
@click.pass_context
def settings(ctx: click.Context, as_json: bool) -> None:
    """Show the effective settings, where each comes from, and what is wrong. Secrets are masked.

    Exit status 1 when the platform could not start with them.
    """
    found = effective_settings()
    wrong = [f"{e.key.name} ({e.source}) {e.complaint}" for e in found if e.complaint]
    try:
        Settings.from_env()
    except WeblogsError as error:
        wrong = wrong or [str(error)]
    if as_json:
        shown = {e.key.name: {"value": e.shown, "source": e.source} for e in found}
        click.echo(json.dumps({"valid": not wrong, "wrong": wrong, "settings": shown}))
    else:
        _print(found, wrong)
    ctx.exit(1 if wrong else 0)


def _print(found: Sequence[Effective], wrong: Sequence[str]) -> None:
    click.echo(f"Settings file: {settings_file() or 'none (WEBLOGS_SETTINGS names one)'}\n")
    names = max(len(e.key.name) for e in found)
    values = max(len(e.shown or "-") for e in found)
    for e in found:
        source = e.source if e.shown is not None else f"not set ({e.key.variable})"
        click.echo(f"{e.key.name:{names}}  {e.shown or '-':{values}}  {source}")
    for complaint in wrong:
        click.echo(f"\nWrong: {complaint}")
