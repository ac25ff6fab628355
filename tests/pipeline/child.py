"""One step of the pipeline as a process of its own: `python -m tests.pipeline.child STEP STREAM HOUR`.

It finds the stack through the environment, as a run does, and prints what came of it as one line of JSON.
`load-and-stop` prints a line when everything but the commit is done, and then waits to be killed.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any, NoReturn

import boto3
from botocore.config import Config

from weblogs_platform.clients.lake import Lake
from weblogs_platform.clients.warehouse import Warehouse, warehouse_of
from weblogs_platform.core.partitions import LandingHour
from weblogs_platform.pipeline.load import load_hour
from weblogs_platform.pipeline.validate import validate_hour
from weblogs_platform.settings import Settings
from weblogs_platform.streams import stream_named


def lake_of(settings: Settings, config: Config | None = None) -> Lake:
    """The lake that the settings name; `config` is how patient its client is."""
    client = boto3.client(
        "s3",
        region_name=settings.region,
        endpoint_url=settings.s3_endpoint,
        aws_access_key_id=settings.access_key_id,
        aws_secret_access_key=settings.secret_access_key,
        config=config or Config(retries={"total_max_attempts": 3}),
    )
    return Lake(client, settings.bucket)


class StopsBeforeCommit:
    """A connection that never commits: the process says so, and waits for its end."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def commit(self) -> NoReturn:
        sys.stdout.write("before commit\n")
        sys.stdout.flush()
        sys.stdin.read()
        os._exit(1)


def main(step: str, stream: str, hour_text: str) -> dict[str, object]:
    settings = Settings.from_env()
    lake, spec, hour = lake_of(settings), stream_named(stream), LandingHour.from_argument(hour_text)
    if step == "validate":
        report = validate_hour(lake, spec, hour)
        return {"good": report.good, "bad": report.bad, "peak_mb": _peak_mb()}
    warehouse = warehouse_of(settings)
    if step == "load-and-stop":
        connect = warehouse.connect
        warehouse = Warehouse(lambda: StopsBeforeCommit(connect()), warehouse.copy_role_arn, warehouse.region)
    outcome = load_hour(lake, warehouse, spec, hour, run_id=f"process {os.getpid()}")
    return {"action": outcome.action, "rows": outcome.rows_loaded, "peak_mb": _peak_mb()}


def _peak_mb() -> float:
    # Not getrusage: it begins with what the parent had when it forked.
    status = Path("/proc/self/status").read_text(encoding="ascii")
    [line] = [line for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(*sys.argv[1:])) + "\n")
