"""The hours of tests/pipeline, and the lakehouse with the platform's own role."""

from __future__ import annotations

import pytest

from resources import LakehouseResource
from tests.pipeline.conftest import hour, lake, roles, settings, warehouse
from weblogs_platform.clients.lakehouse import Lakehouse
from weblogs_platform.local.endpoints import Endpoints

__all__ = ["hour", "lake", "roles", "settings", "warehouse"]


@pytest.fixture(scope="session")
def lakehouse(warehouse_stack: Endpoints) -> Lakehouse:
    return LakehouseResource(variables=warehouse_stack.platform_variables()).lakehouse()
