"""Hours with quarantined records on the embedded stack: each test gets ones that nobody else touches."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest

from tests.pipeline.conftest import lake, roles, settings, warehouse
from tests.pipeline.hours import Hour, Roles
from weblogs_platform.clients.lake import Lake
from weblogs_platform.clients.warehouse import Warehouse
from weblogs_platform.core.partitions import LandingHour
from weblogs_platform.streams import WEB_LOGS

__all__ = ["hour", "hour_of", "lake", "roles", "settings", "warehouse"]

# Far from the hours of the pipeline's tests, which share the stack.
_HOURS = (LandingHour.from_argument("2022-01-01").plus(n) for n in itertools.count())


@pytest.fixture
def hour_of(roles: Roles, lake: Lake, warehouse: Warehouse) -> Callable[..., Hour]:
    """Makes new hours of a stream."""
    return lambda spec=WEB_LOGS: Hour(roles, lake, warehouse, spec, next(_HOURS))


@pytest.fixture
def hour(hour_of: Callable[..., Hour]) -> Hour:
    """An hour of web logs."""
    return hour_of()
