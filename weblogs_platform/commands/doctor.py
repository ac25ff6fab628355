"""`weblogs doctor`: tries each permission and object that the platform needs, and says what to mend.

It writes and deletes probe objects under the platform's own prefixes and reads what it needs; in the warehouse
everything is rolled back. A right that the platform must not have is tried in a way that changes nothing.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from weblogs_platform.commands.findings import Finding, is_well, print_findings
from weblogs_platform.core.errors import WeblogsError
from weblogs_platform.settings import Settings, dagster_home, effective_settings, home_folder, settings_file

if TYPE_CHECKING:
    from weblogs_platform.clients.inbox import Inbox

ENOUGH_BYTES = 2 << 30
"""Split copies and uploads pass through temporary files, a block at a time for each run."""


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
@click.option(
    "--dashboard",
    "only_dashboard",
    is_flag=True,
    help="Try the dashboards' user alone, as their own process.",
)
@click.pass_context
def doctor(ctx: click.Context, as_json: bool, only_dashboard: bool) -> None:
    """Try everything that the platform needs: settings, bucket, roles, warehouse, tables, clocks, Dagster.

    Exit status 0 when all is well, 1 when something has to be mended.
    """
    findings = examine_dashboard() if only_dashboard else examine()
    print_findings(findings, as_json)
    ctx.exit(0 if is_well(findings) else 1)


def examine(clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> list[Finding]:
    """All findings, by the settings of this process. `clock` is what this machine takes for the time."""
    try:
        settings = Settings.from_env()
        complaints = [f"{e.key.name} ({e.source}) {e.complaint}" for e in effective_settings() if e.complaint]
    except WeblogsError as error:
        return [_wrong_settings(str(error))]
    from resources import InboxResource, LakeResource
    from weblogs_platform.clients.warehouse import warehouse_of
    from weblogs_platform.commands.doctor_dagster import look_at_dagster
    from weblogs_platform.commands.doctor_lake import look_at_lake
    from weblogs_platform.commands.doctor_warehouse import look_at_dashboard_user, look_at_warehouse

    home = dagster_home()
    lake, warehouse = LakeResource().lake(), warehouse_of(settings)
    where = settings_file() or f"the environment, {settings.environment}"
    return [
        *([_wrong_settings(c) for c in complaints] or [Finding("settings", "ok", f"the settings of {where} are complete")]),
        *look_at_lake(lake, clock),
        *look_at_warehouse(warehouse, lake, settings, clock),
        *(look_at_dashboard_user() if settings.dashboard_user else ()),
        *look_at_queue(InboxResource().inbox()),
        *look_at_dagster(home, settings.environment, is_named=home != home_folder() / "dagster"),
        _disk(),
    ]  # fmt: skip


def look_at_queue(inbox: Inbox | None) -> Iterator[Finding]:
    """The queue of S3's notifications, where there is one. Nothing is received: that would count as a delivery."""
    if inbox is None:
        return
    try:
        dead_letters = inbox.has_dead_letters()
    except WeblogsError as error:
        todo = "correct queue.url; let the role of this process have sqs:GetQueueAttributes and sqs:GetQueueUrl, sqs:ReceiveMessage and sqs:DeleteMessage on it"  # fmt: skip
        yield Finding("queue", "problem", str(error), todo, "new objects wait for the listing sensors")
        return
    if dead_letters:
        yield Finding("queue", "ok", "the queue of notifications is there, and what cannot be understood has a queue of its own")  # fmt: skip
    else:
        yield Finding("queue", "note", "the queue of notifications has no dead-letter queue", "give it a RedrivePolicy: what cannot be understood is received again and again")  # fmt: skip


def examine_dashboard() -> list[Finding]:
    """What the dashboards' user may do, by the settings of this process."""
    from weblogs_platform.commands.doctor_warehouse import look_at_dashboard_user

    return list(look_at_dashboard_user())


def _wrong_settings(complaint: str) -> Finding:
    return Finding("settings", "problem", complaint, "correct it; `weblogs settings` shows what is in effect")


def _disk() -> Finding:
    folder = tempfile.gettempdir()
    free = shutil.disk_usage(folder).free
    if free >= ENOUGH_BYTES:
        return Finding("disk", "ok", f"{free >> 30} GiB are free for temporary files")
    return Finding(
        "disk",
        "problem",
        f"{free >> 20} MiB are free in {folder}",
        "free some, or let TMPDIR name a folder with 2 GiB",
        "split copies of large objects are written there before they are uploaded",
    )
