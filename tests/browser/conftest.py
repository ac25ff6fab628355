"""One stack with Dagster's UI, and one browser, for all browser tests; skipped where there is no Chromium."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from resources import LakeResource, RedshiftResource
from tests.browser.chromium import chromium, chromium_path, window
from tests.browser.dagster_api import DagsterApi
from tests.browser.dagster_pages import DagsterPages
from tests.browser.shop import Shop
from weblogs_platform.core.partitions import LandingHour
from weblogs_platform.local.endpoints import Endpoints
from weblogs_platform.local.stack import Stack
from weblogs_platform.pipeline.provision import initialise

HERE = Path(__file__).parent


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Marks what is here, and leaves the slow ones for `-m slow`."""
    for item in items:
        if HERE not in item.path.parents:
            continue
        item.add_marker(pytest.mark.browser)
        if chromium_path() is None:
            item.add_marker(pytest.mark.skip(reason="no Chromium: apt-get install chromium"))
        elif item.get_closest_marker("slow") and "slow" not in config.option.markexpr:
            item.add_marker(pytest.mark.skip(reason="takes minutes: run it with -m slow"))


@pytest.fixture(scope="module")
def endpoints(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoints]:
    """The whole stack, its tables made."""
    with Stack(tmp_path_factory.mktemp("browser home")).running(dagster=True) as running:
        variables = {**running.platform_variables(), "WEBLOGS_HOME": str(running.home)}
        lake = LakeResource(variables=variables).lake()
        initialise(lake, RedshiftResource(variables=variables).warehouse())
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture
def pages(browser: Browser, endpoints: Endpoints) -> Iterator[DagsterPages]:
    with window(browser) as page:
        yield DagsterPages(page, str(endpoints.dagster_url))


@pytest.fixture
def api(endpoints: Endpoints) -> DagsterApi:
    return DagsterApi(str(endpoints.dagster_url))


@pytest.fixture
def shop(endpoints: Endpoints) -> Shop:
    return Shop(endpoints)


@pytest.fixture
def now() -> LandingHour:
    """The running hour."""
    return LandingHour.containing(datetime.now(UTC))
