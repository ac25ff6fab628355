"""The dashboards in a browser: every page with data, without, and with the warehouse gone."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.chromium import window
from tests.browser.dashboard_pages import DashboardPages, served
from tests.dashboard.conftest import provisioned
from tests.dashboard.seed import HOSTILE_KEY, HOSTILE_PAGE, HOSTILE_TEXT, RUN_ID, SECRET_MESSAGE, seed
from weblogs_platform.dashboard.page import PageSpec
from weblogs_platform.dashboard.views import PAGES
from weblogs_platform.local.endpoints import Endpoints
from weblogs_platform.local.ports import any_free
from weblogs_platform.local.stack import Stack, Wanted

CODE = "open-sesame-1234"
EVERY_PAGE = pytest.mark.parametrize("spec", PAGES, ids=lambda spec: spec.path)
PHONE = 390
CARDS = {
    "web-traffic": ("Users", "Sessions", "Events", "Bounce rate", "Average duration"),
    "customer-interactions": ("Customers", "Contacts", "Average rating", "Low ratings"),
    "sales": ("Revenue", "Net revenue", "Discounts", "Units sold", "Sales", "Average price"),
    "stores": ("Stores", "Revenue", "Units sold", "Sales", "Revenue per sale"),
    "inventory": ("Units in stock", "In stock", "Low stock", "Out of stock"),
    "pipeline-health": ("Landed", "Loaded", "Quarantined", "Duplicates", "Discarded"),
}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoints]:
    """A stack with the dashboards as one of its parts, and two weeks of a shop."""
    stack = Stack(tmp_path_factory.mktemp("shop"))
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("WEBLOGS_DASHBOARD_UNLOCK", CODE)
            patch.setenv("WEBLOGS_DAGSTER_URL", "http://127.0.0.1:3000")
            endpoints = stack.start(Wanted(dagster=False))
        seed(provisioned(endpoints))
        yield endpoints
    finally:
        stack.stop()


@pytest.fixture
def pages(browser: Browser, shop: Endpoints) -> Iterator[DashboardPages]:
    with window(browser) as page:
        driven = DashboardPages(page, str(shop.dashboard_url))
        yield driven
        assert driven.elsewhere == []
        assert driven.dialogs == []


@EVERY_PAGE
def test_every_page_shows_its_figures(pages: DashboardPages, spec: PageSpec) -> None:
    """A page ends in an error, leaves a card out, or has a control that a screen reader cannot name."""
    pages.open(spec.path)
    for title in CARDS[spec.path]:
        expect(pages.card(title)).to_have_text(re.compile(r"\d"))
    expect(pages.page.get_by_test_id("stAlertContentError")).to_have_count(0)
    expect(pages.page.get_by_test_id("stException")).to_have_count(0)
    expect(pages.page.get_by_test_id("stVegaLiteChart").first).to_be_visible()
    assert pages.unnamed_controls() == []


@EVERY_PAGE
def test_every_page_fits_a_phone(browser: Browser, shop: Endpoints, spec: PageSpec) -> None:
    """A store manager scrolls sideways to read a figure."""
    with window(browser, width=PHONE, height=844) as page:
        pages = DashboardPages(page, str(shop.dashboard_url))
        pages.open(spec.path, rows="1")
        expect(pages.card(CARDS[spec.path][0])).to_be_visible()
        assert pages.too_wide_by() <= 0


@EVERY_PAGE
def test_days_without_data_offer_those_that_have_some(pages: DashboardPages, spec: PageSpec) -> None:
    """An empty chart, and no way back."""
    pages.open(spec.path, **{"from": "2026-01-01", "to": "2026-01-07"})
    expect(pages.page.get_by_text("There is nothing from 1 Jan 2026 to 7 Jan 2026")).to_be_visible()
    pages.page.get_by_role("button", name=re.compile("^Show .* Nov 2026")).click()
    expect(pages.card(CARDS[spec.path][0])).to_have_text(re.compile(r"\d"))
    assert pages.asked()["from"].startswith("2026-11")


def test_a_link_brings_back_days_and_filters(pages: DashboardPages) -> None:
    """A link that a colleague sent shows something else."""
    pages.open("web-traffic")
    everything = pages.card("Events").inner_text()
    pages.choose("Browser", "Edge")
    expect(pages.card("Events")).not_to_have_text(everything)
    narrowed = pages.card("Events").inner_text()
    assert pages.asked() == {"browser": "Edge"}
    pages.page.get_by_role("radio", name="30 days").or_(
        pages.page.get_by_role("button", name="30 days")
    ).click()
    expect(pages.page).to_have_url(re.compile("from=2026-11-02.*to=2026-11-15"))
    pages.settle()
    wider = pages.card("Events").inner_text()
    link = pages.page.url
    pages.page.goto("about:blank")
    pages.page.goto(link)
    expect(pages.card("Events")).to_have_text(wider)
    assert wider != narrowed
    pages.page.go_back()
    assert pages.page.url == "about:blank"


def test_the_days_go_along_to_other_pages(pages: DashboardPages) -> None:
    """Each page has to be told the days again."""
    pages.open("web-traffic", **{"from": "2026-11-03", "to": "2026-11-04", "browser": "Edge"})
    pages.page.get_by_role("link", name="Sales").click()
    expect(pages.page.get_by_role("heading", level=1)).to_have_text("Sales")
    expect(pages.page.get_by_text("Revenue by hour")).to_be_visible()
    assert pages.asked() == {"from": "2026-11-03", "to": "2026-11-04"}


def test_a_hostile_link_is_refused_gently(pages: DashboardPages) -> None:
    """What an address holds is run as a script, shown as markup, pasted into SQL, or ends in a traceback."""
    evil = "<script>alert(1)</script>' OR '1'='1"
    pages.open(
        "web-traffic", **{"from": evil, "to": "2026-99-99", "browser": evil, "page": evil, "rows": evil}
    )
    expect(pages.page.get_by_text("Part of the address was not understood")).to_be_visible()
    expect(pages.page.get_by_text("a browser that has no data")).to_be_visible()
    expect(pages.card("Events")).to_have_text(re.compile(r"\d"))
    expect(pages.page.get_by_text("OR '1'='1")).to_have_count(0)


@EVERY_PAGE
def test_every_page_survives_a_hostile_link(pages: DashboardPages, spec: PageSpec) -> None:
    """A filter's value from an address is run, shown as markup, pasted into SQL, or costs the page."""
    for evil in (
        "<img src=x onerror=alert(1)>",
        "[x](javascript:alert(1)) **b** $a$ :red[y]",
        "' OR 1=1; DROP TABLE shopware_ops.load_history; --",
        "\x00\x1b[2J\n" + "x" * 5000,
        "-1e999",
    ):
        pages.open(spec.path, **dict.fromkeys((*spec.names, "from", "to", "rows", evil[:20]), evil))
        expect(pages.page.get_by_text("Part of the address was not understood")).to_be_visible()
        expect(pages.page.get_by_test_id("stException")).to_have_count(0)
        expect(pages.page.locator("img[src=x], a[href^='javascript:']")).to_have_count(0)
    pages.open(spec.path)
    expect(pages.card(CARDS[spec.path][0])).to_have_text(re.compile(r"\d"))


def test_what_is_open_now_is_shown_and_hostile_names_are_text(pages: DashboardPages) -> None:
    """Names and reasons that anybody may choose are a script in the page, or a formula in the file."""
    pages.open("pipeline-health")
    for title in ("What is wrong now", "In quarantine now, by reason and age", "Landed and not loaded"):
        expect(pages.page.get_by_text(title, exact=True)).to_be_visible()
    [trouble] = csv.DictReader(io.StringIO(pages.download("troubles")))
    assert (trouble["What"], trouble["Why"]) == (f"'{HOSTILE_KEY}", HOSTILE_TEXT)
    assert trouble["Run"] == f"http://127.0.0.1:3000/runs/{RUN_ID}"
    reasons = list(csv.DictReader(io.StringIO(pages.download("open-quarantine"))))
    assert sum(int(row["Open"]) for row in reasons) == sum(
        int(row["Of a day"]) + int(row["Of a week"]) + int(row["Older"]) for row in reasons
    )
    [found] = csv.DictReader(io.StringIO(pages.download("not-loaded")))
    assert (found["Object"], found["Kind"]) == (f"'{HOSTILE_KEY}", "new")
    [look] = csv.DictReader(io.StringIO(pages.download("looks")))
    assert look["It said"] == HOSTILE_TEXT
    expect(pages.page.locator("img[src=x], a[href^='javascript:']")).to_have_count(0)


def test_a_bar_leads_to_the_rows_behind_it(pages: DashboardPages) -> None:
    """A figure that nobody can look behind; a hostile page name that is a tag in the browser or a formula in a file."""
    pages.open("web-traffic")
    pages.bar("Edge").click()
    expect(pages.page.get_by_role("tab", name="Newest events")).to_be_visible()
    pages.settle()
    assert pages.asked() == {"browser": "Edge", "rows": "1"}
    rows = list(csv.DictReader(io.StringIO(pages.download("web-events"))))
    assert {row["Browser"] for row in rows} == {"Edge"}
    assert f"{len(rows):,}" == pages.card("Events").inner_text()
    assert HOSTILE_PAGE in {row["Page"] for row in rows}
    assert {row["User"] for row in rows} == {"hidden"}
    expect(pages.page.locator("img[src=x]")).to_have_count(0)


def test_messages_are_hidden_until_the_session_has_the_code(pages: DashboardPages) -> None:
    """Whoever finds the address reads what customers wrote; or a wrong code opens it; or the code is in a link."""
    pages.open("customer-interactions", **{"from": "2026-11-02", "to": "2026-11-15"})
    assert SECRET_MESSAGE not in pages.download("contacts")
    _enter(pages, "wrong")
    expect(pages.page.get_by_text("That is not the code.")).to_be_visible()
    assert SECRET_MESSAGE not in pages.download("contacts")
    _enter(pages, CODE)
    expect(pages.page.get_by_role("button", name="Hide them again")).to_be_visible()
    pages.settle()
    opened = pages.download("contacts")
    assert SECRET_MESSAGE in opened
    assert "'=HYPERLINK" in opened
    assert CODE not in pages.page.url
    pages.page.get_by_role("button", name="Hide them again").click()
    expect(pages.page.get_by_text("Customers' ids and messages are hidden")).to_be_visible()
    pages.settle()
    assert SECRET_MESSAGE not in pages.download("contacts")


def _enter(pages: DashboardPages, code: str) -> None:
    box = pages.page.get_by_label("Code")
    if not box.is_visible():
        pages.page.get_by_text("Customers' ids and messages", exact=True).click()
    box.fill(code)
    box.press("Enter")
    pages.settle()


def test_every_figure_says_what_it_means(pages: DashboardPages) -> None:
    """A bounce rate that nobody can explain."""
    pages.open("web-traffic")
    card = pages.page.get_by_test_id("stMetric").filter(has_text="Bounce rate")
    card.get_by_test_id("stTooltipHoverTarget").hover()
    expect(
        pages.page.get_by_role("tooltip").or_(pages.page.get_by_test_id("stTooltipContent")).first
    ).to_contain_text("Whether the visit has one event")


def test_health_says_in_words_that_all_adds_up_and_leads_to_dagster(pages: DashboardPages) -> None:
    pages.open("pipeline-health")
    expect(pages.page.get_by_text("Every record is accounted for.")).to_be_visible()
    expect(pages.page.get_by_text("Every KPI is up to date")).to_be_visible()
    loads = list(csv.DictReader(io.StringIO(pages.download("last-loads"))))
    assert {row["Run"] for row in loads} == {f"http://127.0.0.1:3000/runs/{RUN_ID}"}


def test_health_names_the_hours_that_do_not_add_up(pages: DashboardPages, shop: Endpoints) -> None:
    """Rows vanish from a table and the page goes on saying that all is well."""
    hour = "2026-11-12 10:00:00"
    with shop.connect() as owner, owner.cursor() as cursor:
        cursor.execute(
            f"DELETE FROM shopware_stream.web_logs_stream WHERE landing_hour = CAST('{hour}' AS TIMESTAMP)"
        )
        owner.commit()
    pages.open("pipeline-health", **{"from": "2026-11-12", "to": "2026-11-12"})
    expect(pages.page.get_by_text("It does not add up.")).to_be_visible()
    expect(pages.page.get_by_text("12 Nov 2026 10:00: the table holds other rows")).to_be_visible()


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoints]:
    """A stack that was just started for the first time."""
    with Stack(tmp_path_factory.mktemp("bare")).running(dagster=False, dashboard=True) as endpoints:
        yield endpoints


def test_before_init_every_page_says_so_and_after_it_that_there_are_no_data(
    browser: Browser, bare: Endpoints
) -> None:
    """The first thing that a new user sees is a traceback, or a page of zeros."""
    with window(browser) as page:
        pages = DashboardPages(page, str(bare.dashboard_url))
        for spec in PAGES:
            pages.open(spec.path)
            expect(page.get_by_text("Tables are missing.")).to_be_visible()
            expect(page.get_by_text("weblogs init").first).to_be_visible()
        expect(page.get_by_text("Customers' ids and messages")).to_have_count(0)  # no code is set
        provisioned(bare)
        for spec in PAGES:
            pages.open(spec.path)
            expect(page.get_by_text("There are no data yet.")).to_be_visible()
            assert pages.unnamed_controls() == []


def test_without_a_warehouse_every_page_says_how_to_start_it(
    browser: Browser, shop: Endpoints, tmp_path: Path
) -> None:
    """The warehouse stops at night and the dashboards show a traceback with its address and user."""
    variables = {
        **shop.platform_variables(),
        "WEBLOGS_HOME": str(tmp_path),
        "REDSHIFT_PORT": str(any_free("nobody")),
    }
    with served(variables, tmp_path / "log") as url, window(browser) as page:
        pages = DashboardPages(page, url)
        for spec in PAGES:
            pages.open(spec.path)
            expect(page.get_by_text("The warehouse does not answer.")).to_be_visible()
            expect(page.get_by_text("weblogs up").first).to_be_visible()
            expect(page.get_by_role("button", name="Try again")).to_be_visible()
            expect(page.get_by_text("Traceback")).to_have_count(0)
    assert "Traceback" not in (tmp_path / "log").read_text(encoding="utf-8")
