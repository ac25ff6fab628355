"""Hours with quarantined records on the embedded stack: each test gets ones that nobody else touches."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests import calendar_shares
from tests.pipeline.conftest import lake, roles, settings, warehouse
from tests.pipeline.hours import Hour, Roles
from weblogs_platform.clients.lake import Lake
from weblogs_platform.clients.warehouse import Warehouse
from weblogs_platform.streams import WEB_LOGS

__all__ = ["hour", "hour_of", "lake", "roles", "settings", "warehouse"]

_HOURS = calendar_shares.QUARANTINE.starts()


@pytest.fixture
def hour_of(roles: Roles, lake: Lake, warehouse: Warehouse) -> Callable[..., Hour]:
    """Makes new hours of a stream."""
    return lambda spec=WEB_LOGS: Hour(roles, lake, warehouse, spec, next(_HOURS))


@pytest.fixture
def hour(hour_of: Callable[..., Hour]) -> Hour:
    """An hour of web logs."""
    return hour_of()
