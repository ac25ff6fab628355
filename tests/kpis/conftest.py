"""Shops on the embedded stack: each test has days of its own."""

from __future__ import annotations

import pytest

from tests import calendar_shares
from tests.kpis.shop import Shop
from tests.pipeline.conftest import lake, settings, warehouse
from weblogs_platform.clients.lake import Lake
from weblogs_platform.clients.warehouse import Warehouse
from weblogs_platform.local.endpoints import Endpoints

__all__ = ["lake", "settings", "shop", "warehouse"]

_WINDOWS = calendar_shares.KPIS.starts()


@pytest.fixture
def shop(warehouse_stack: Endpoints, lake: Lake, warehouse: Warehouse) -> Shop:
    """A shop with ten days that no other test uses."""
    return Shop(lake, warehouse, warehouse_stack.s3("delivery"), warehouse_stack.bucket, next(_WINDOWS).start)
