"""The dashboards in a browser with a user who may read KPI tables only."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.chromium import window
from tests.browser.dashboard_pages import DashboardPages, served
from tests.dashboard.conftest import provisioned
from tests.dashboard.seed import seed
from weblogs_platform.dashboard.page import PageSpec
from weblogs_platform.dashboard.views import PAGES
from weblogs_platform.local.endpoints import Endpoints
from weblogs_platform.local.stack import Stack

SAYS = re.compile(r"The dashboards' user may read KPI tables only: ")
FIGURES = {
    "web-traffic": ("Users", "Sessions", "Events", "Bounce rate", "Average duration"),
    "customer-interactions": ("Contacts", "Average rating", "Low ratings"),
    "sales": ("Revenue", "Net revenue", "Discounts", "Units sold", "Sales", "Average price"),
    "stores": ("Revenue", "Units sold", "Sales", "Revenue per sale"),
    "inventory": ("Units in stock", "In stock", "Low stock", "Out of stock"),
    "pipeline-health": (),
}
WITH_ROWS = {"web-traffic": {"rows": "1"}, "inventory": {"rows": "1"}, "stores": {"store": "1"}}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoints]:
    """Two weeks of a shop, and a dashboards' user with KPI tables only."""
    with Stack(tmp_path_factory.mktemp("kpis shop")).running(dagster=False) as endpoints:
        seed(provisioned(endpoints, "kpis"))
        yield endpoints


def _variables(shop: Endpoints, home: Path, reads: str) -> dict[str, str]:
    return {**shop.platform_variables(), "WEBLOGS_HOME": str(home), "WEBLOGS_DASHBOARD_READS": reads}


@pytest.fixture(scope="module")
def url(shop: Endpoints, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The dashboards of a deployment with KPI tables only; no page of theirs ended in a traceback."""
    home = tmp_path_factory.mktemp("kpis dashboards")
    with served(_variables(shop, home, "kpis"), home / "log") as address:
        yield address
    assert "Traceback" not in (home / "log").read_text(encoding="utf-8")


@pytest.fixture
def pages(browser: Browser, url: str) -> Iterator[DashboardPages]:
    with window(browser, height=1400) as page:
        driven = DashboardPages(page, url)
        yield driven
        expect(page.get_by_test_id("stAlertContentError")).to_have_count(0)
        expect(page.get_by_test_id("stException")).to_have_count(0)
        assert driven.unnamed_controls() == []


@pytest.mark.parametrize("spec", PAGES, ids=lambda spec: spec.path)
def test_every_page_shows_its_figures_and_says_what_it_leaves_out(
    pages: DashboardPages, spec: PageSpec
) -> None:
    """A page is an error from top to bottom because one of its parts may not be read."""
    pages.open(spec.path, **WITH_ROWS.get(spec.path, {}))
    for title in FIGURES[spec.path]:
        expect(pages.card(title)).to_have_text(re.compile(r"\d"))
    if spec.path == "stores":
        pages.page.get_by_role("tab", name="Newest sales").click()
    expect(pages.page.get_by_text(SAYS).first).to_be_visible()


def test_health_points_to_where_it_is_said(pages: DashboardPages) -> None:
    """Nobody knows where to look when the page has nothing to say."""
    pages.open("pipeline-health")
    expect(pages.page.get_by_text("weblogs verify")).to_be_visible()
    expect(pages.page.get_by_text("are in Dagster")).to_be_visible()


def test_customers_of_one_day_are_known(pages: DashboardPages) -> None:
    pages.open("customer-interactions", **{"from": "2026-11-10", "to": "2026-11-10"})
    expect(pages.card("Customers")).to_have_text(re.compile(r"\d"))
    pages.open("customer-interactions", **{"from": "2026-11-10", "to": "2026-11-11"})
    expect(pages.card("Customers")).to_have_text("–")


def test_what_a_filter_makes_unknown_is_a_dash(pages: DashboardPages) -> None:
    """The discounts of all stores stand beside the revenue of one."""
    pages.open("sales", store="1", category="HIGH_VALUE")
    expect(pages.page.get_by_text("The address asks for a category")).to_be_visible()
    expect(pages.card("Discounts")).to_have_text("–")
    expect(pages.card("Sales")).to_have_text(re.compile(r"\d"))


def test_dashboards_that_think_they_may_read_everything_say_what_to_do(
    browser: Browser, shop: Endpoints, tmp_path: Path
) -> None:
    """The dashboards' process was given another setting than `weblogs init`: a traceback, or a remedy that is none."""
    variables = _variables(shop, tmp_path, "everything")
    with served(variables, tmp_path / "log") as url, window(browser) as page:
        pages = DashboardPages(page, url)
        pages.open("pipeline-health")
        expect(page.get_by_text("The dashboards' user may not read a table.")).to_be_visible()
        expect(page.get_by_text("dashboard.reads")).to_be_visible()
    assert "Traceback" not in (tmp_path / "log").read_text(encoding="utf-8")
