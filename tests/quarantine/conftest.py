"""Hours with quarantined records on the embedded stack: each test gets ones that nobody else touches."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest

from tests.pipeline.child import lake_of
from tests.pipeline.hours import Hour, Roles
from weblogs_platform.clients.lake import Lake
from weblogs_platform.clients.warehouse import Warehouse, warehouse_of
from weblogs_platform.core.partitions import LandingHour
from weblogs_platform.local.endpoints import Endpoints
from weblogs_platform.pipeline import provision
from weblogs_platform.settings import Settings
from weblogs_platform.streams import WEB_LOGS

# Far from the hours of the pipeline's tests, which share the stack.
_HOURS = (LandingHour.from_argument("2022-01-01").plus(n) for n in itertools.count())


@pytest.fixture(scope="session")
def settings(warehouse_stack: Endpoints) -> Settings:
    """What a run of the platform reads from its environment."""
    return Settings.from_env(warehouse_stack.platform_variables())


@pytest.fixture(scope="session")
def lake(settings: Settings) -> Lake:
    return lake_of(settings)


@pytest.fixture(scope="session")
def warehouse(settings: Settings, lake: Lake) -> Warehouse:
    """The embedded Redshift, with everything that `weblogs init` creates."""
    made = warehouse_of(settings)
    provision.initialise(lake, made)
    return made


@pytest.fixture
def hour_of(warehouse_stack: Endpoints, lake: Lake, warehouse: Warehouse) -> Callable[..., Hour]:
    """Makes new hours of a stream."""
    clients = {role: warehouse_stack.s3(role) for role in ("delivery", "admin", "copy")}
    roles = Roles(bucket=warehouse_stack.bucket, **clients)
    return lambda spec=WEB_LOGS: Hour(roles, lake, warehouse, spec, next(_HOURS))


@pytest.fixture
def hour(hour_of: Callable[..., Hour]) -> Hour:
    """An hour of web logs."""
    return hour_of()
