"""Hours of the declared streams on the embedded stack: each test gets one that nobody else touches."""

from __future__ import annotations

from functools import partial

import pytest

from tests.pipeline.hours import Hour, Roles, new_hours
from weblogs_platform.clients.lake import Lake
from weblogs_platform.clients.warehouse import Warehouse, connect_to_redshift
from weblogs_platform.core.spec import StreamSpec
from weblogs_platform.local.endpoints import Endpoints
from weblogs_platform.pipeline import provision
from weblogs_platform.streams import CUSTOMER_INTERACTIONS, WEB_LOGS


@pytest.fixture(scope="session")
def lake(warehouse_stack: Endpoints) -> Lake:
    """The bucket, with the platform's role."""
    client = warehouse_stack.s3("platform", retries={"total_max_attempts": 3})
    return Lake(client, warehouse_stack.bucket)


@pytest.fixture(scope="session")
def warehouse(warehouse_stack: Endpoints, lake: Lake) -> Warehouse:
    """The embedded Redshift, with everything that `weblogs init` creates."""
    redshift = warehouse_stack.redshift
    assert redshift is not None
    connect = partial(
        connect_to_redshift,
        host=redshift.host,
        port=redshift.port,
        database=redshift.database,
        user=redshift.user,
        password=redshift.password,
        ca=str(redshift.authority),
    )
    made = Warehouse(connect, warehouse_stack.copy_role, warehouse_stack.region)
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
    return Hour(roles, lake, warehouse, spec, next(new_hours()))


@pytest.fixture
def interactions(hour: Hour) -> Hour:
    """An hour of customer interactions."""
    return hour.of(CUSTOMER_INTERACTIONS)
