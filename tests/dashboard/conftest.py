"""A warehouse of its own for the dashboards' tests: initialised, with two weeks of a shop, and a user who may read."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from resources import LakeResource, RedshiftResource
from tests.dashboard.seed import seed
from weblogs_platform.clients.warehouse import Warehouse
from weblogs_platform.dashboard import queries
from weblogs_platform.dashboard.access import set_reading
from weblogs_platform.local.endpoints import Endpoints
from weblogs_platform.local.stack import Stack
from weblogs_platform.pipeline.provision import initialise
from weblogs_platform.settings import DashboardSettings


def provisioned(endpoints: Endpoints, reads: str = "everything") -> Warehouse:
    """The warehouse of a running stack as its owner, with tables and grants as `weblogs init` leaves them."""
    variables = {**endpoints.platform_variables(), "WEBLOGS_HOME": str(endpoints.home)}
    warehouse = RedshiftResource(variables=variables).warehouse()
    initialise(LakeResource(variables=variables).lake(), warehouse)
    set_reading(warehouse, variables["WEBLOGS_DASHBOARD_USER"], reads)
    return warehouse


@pytest.fixture(scope="session")
def shop_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoints]:
    """A stack whose warehouse holds the seeded shop."""
    with Stack(tmp_path_factory.mktemp("dashboard home")).running(dagster=False) as endpoints:
        seed(provisioned(endpoints))
        yield endpoints
        queries.forget()


@pytest.fixture(scope="session")
def settings(shop_stack: Endpoints) -> DashboardSettings:
    return DashboardSettings.from_env(shop_stack.platform_variables())
