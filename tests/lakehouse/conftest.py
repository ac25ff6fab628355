"""The hours of tests/pipeline, and the lakehouse with the platform's own role."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from resources import LakehouseResource
from tests.pipeline.conftest import hour, lake, roles, settings, warehouse
from weblogs_platform.clients.lakehouse import Lakehouse
from weblogs_platform.local.endpoints import Endpoints
from weblogs_platform.local.stack import Stack

__all__ = ["hour", "lake", "roles", "settings", "warehouse"]


@pytest.fixture(scope="session")
def lakehouse(warehouse_stack: Endpoints) -> Lakehouse:
    return LakehouseResource(variables=warehouse_stack.platform_variables()).lakehouse()


@pytest.fixture(scope="session")
def warehouse_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoints]:
    """In the place of the one that other tests share: their hours are not copied, and would be requested."""
    with Stack(tmp_path_factory.mktemp("lakehouse home")).running(dagster=False) as endpoints:
        yield endpoints
