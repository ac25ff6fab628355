"""Hours that nobody loads but the sensor and the reconcile of their stream."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from tempfile import TemporaryDirectory
from typing import Any

import dagster as dg

from tests.faults.keeper import Keeper
from tests.faults.laboratory import Hour, Laboratory, WrongResult
from tests.faults.oracle import TABLES
from weblogs_platform.core.spec import StreamSpec
from weblogs_platform.streams import stream_named


@contextmanager
def kept_hour(
    lab: Laboratory, n: int, *, spec: StreamSpec | None = None, stream: str | None = None, **how: Any
) -> Iterator[tuple[Hour, Keeper]]:
    """A new hour with two objects, and who keeps its stream, half an hour later."""
    name = spec.name if spec else stream or tuple(TABLES)[n % len(TABLES)]
    hour = lab.hour(name, 2, **how)
    with keeper_of(lab, spec or stream_named(name), hour.start + timedelta(minutes=90)) as keeper:
        yield hour, keeper


@contextmanager
def keeper_of(lab: Laboratory, spec: StreamSpec, now: datetime) -> Iterator[Keeper]:
    endpoints = lab.servers.endpoints
    variables = {**endpoints.platform_variables(), "WEBLOGS_HOME": str(endpoints.home)}
    # On disk: a schedule reaches its instance by reference only.
    with TemporaryDirectory(prefix="instance-") as folder, dg.DagsterInstance.local_temp(folder) as instance:
        yield Keeper(spec, variables, instance, now.replace(tzinfo=UTC))


def home(keeper: Keeper, hour: Hour) -> None:
    """Everything comes home by sensor and reconcile alone, and then they have nothing more to do."""
    keeper.settle()
    try:
        hour.check_home()
    except WrongResult as wrong:
        raise WrongResult(f"{wrong} ({keeper.skipped})") from wrong
    check_quiet(keeper, hour)


def check_quiet(keeper: Keeper, hour: Hour) -> None:
    requested = [request.run_key for request in keeper.look()]
    if requested or keeper.reconcile():
        raise WrongResult(f"{hour}: all is loaded, and yet requested: {requested}")
