"""Shops on the embedded stack: each test has days of its own."""

from __future__ import annotations

import pytest

from tests.kpis.shop import Shop, windows
from tests.pipeline.child import lake_of
from weblogs_platform.clients.lake import Lake
from weblogs_platform.clients.warehouse import Warehouse, warehouse_of
from weblogs_platform.local.endpoints import Endpoints
from weblogs_platform.pipeline import provision
from weblogs_platform.settings import Settings

_WINDOWS = windows()


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
def shop(warehouse_stack: Endpoints, lake: Lake, warehouse: Warehouse) -> Shop:
    """A shop with ten days that no other test uses."""
    return Shop(lake, warehouse, warehouse_stack.s3("delivery"), warehouse_stack.bucket, next(_WINDOWS))
