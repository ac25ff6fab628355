"""Hours of the declared streams on the embedded stack: each test gets one that nobody else touches."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.pipeline.child import lake_of
from tests.pipeline.hours import NEW_HOURS, Hour, Roles
from weblogs_platform.clients.lake import Lake
from weblogs_platform.clients.warehouse import Warehouse, warehouse_of
from weblogs_platform.core.spec import StreamSpec
from weblogs_platform.local.endpoints import Endpoints
from weblogs_platform.pipeline import provision
from weblogs_platform.settings import PROJECT_ROOT, Settings
from weblogs_platform.streams import CUSTOMER_INTERACTIONS, WEB_LOGS


@pytest.fixture(scope="session")
def settings(warehouse_stack: Endpoints) -> Settings:
    """What a run of the platform reads from its environment."""
    return Settings.from_env(warehouse_stack.platform_variables())


@pytest.fixture(scope="session")
def lake(settings: Settings) -> Lake:
    """The bucket, with the platform's role."""
    return lake_of(settings)


@pytest.fixture(scope="session")
def warehouse(settings: Settings, lake: Lake) -> Warehouse:
    """The embedded Redshift, with everything that `weblogs init` creates."""
    made = warehouse_of(settings)
    provision.initialise(lake, made)
    return made


@pytest.fixture(scope="session")
def roles(warehouse_stack: Endpoints) -> Roles:
    """Those who deliver, own and COPY."""
    clients = {role: warehouse_stack.s3(role) for role in ("delivery", "admin", "copy")}
    return Roles(bucket=warehouse_stack.bucket, **clients)


@pytest.fixture
def hour(request: pytest.FixtureRequest, roles: Roles, lake: Lake, warehouse: Warehouse) -> Hour:
    """An hour of its own, of web logs unless the test runs for `each_stream`."""
    spec: StreamSpec = getattr(request, "param", WEB_LOGS)
    return Hour(roles, lake, warehouse, spec, next(NEW_HOURS))


@pytest.fixture
def interactions(hour: Hour) -> Hour:
    """An hour of customer interactions."""
    return hour.of(CUSTOMER_INTERACTIONS)


@pytest.fixture
def start(warehouse_stack: Endpoints, hour: Hour) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts a step for the test's hour as a process of its own (see `child`); none outlives the test."""
    started: list[subprocess.Popen[str]] = []
    environment = {**warehouse_stack.platform_variables(), "PATH": os.environ["PATH"]}

    def start(step: str) -> subprocess.Popen[str]:
        arguments = [step, hour.spec.name, hour.hour.sql[:13]]
        command = [sys.executable, "-m", "tests.pipeline.child", *arguments]
        pipe = subprocess.PIPE
        process = subprocess.Popen(
            command, cwd=PROJECT_ROOT, env=environment, stdin=pipe, stdout=pipe, text=True
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def result(start: Callable[..., subprocess.Popen[str]]) -> Callable[[str], dict[str, Any]]:
    """What a step in a process of its own printed."""

    def run(step: str) -> dict[str, Any]:
        process = start(step)
        printed, _ = process.communicate()
        assert process.returncode == 0
        return json.loads(printed)

    return run
