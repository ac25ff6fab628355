"""The dashboards as a person uses them, and a server of them for a warehouse of the test's choice."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

from playwright.sync_api import Dialog, Locator, Page, expect

from weblogs_platform.dashboard.views import PAGES
from weblogs_platform.local.ports import any_free

_STARTS_WITHIN_SECS = 60
# What a screen reader would call each control; those without a name are returned by their HTML.
_UNNAMED = """() => [...document.querySelectorAll('button, input, select, textarea, [role=button], a[href]')]
  .filter(e => e.offsetParent !== null && e.type !== 'hidden' && !e.closest('[aria-hidden=true]'))
  .filter(e => {
    const by = e.getAttribute('aria-labelledby');
    const said = [e.getAttribute('aria-label'), by && document.getElementById(by)?.textContent, e.title,
      e.textContent, e.placeholder, ...[...(e.labels || [])].map(l => l.textContent)];
    return !said.some(s => s && s.trim());
  }).map(e => e.outerHTML.slice(0, 160))"""
_TOO_WIDE = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


@dataclass
class DashboardPages:
    """Drives one page over the dashboards at `url`, and remembers what it must not do."""

    page: Page
    url: str
    elsewhere: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("request", lambda request: self._watch(request.url))
        self.page.on("dialog", self._dismiss)

    def _dismiss(self, dialog: Dialog) -> None:
        self.dialogs.append(dialog.message)
        dialog.dismiss()

    def _watch(self, url: str) -> None:
        if url.startswith(("http", "ws")) and urlsplit(url).netloc != urlsplit(self.url).netloc:
            self.elsewhere.append(url)

    def open(self, path: str, **query: str) -> None:
        """A page, once it has been drawn; the first of all pages is at the root."""
        path = "" if path == PAGES[0].path else path
        self.page.goto(f"{self.url}/{path}" + (f"?{urlencode(query)}" if query else ""))
        expect(self.page.get_by_role("heading", level=1)).to_be_visible()
        self.settle()

    def settle(self) -> None:
        """Returns when the page has been drawn to its end."""
        expect(self.page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
        expect(self.page.get_by_text("Reading", exact=True)).to_have_count(0)

    def card(self, title: str) -> Locator:
        """The figure of a card."""
        cards = self.page.get_by_test_id("stMetric").filter(has=self.page.get_by_text(title, exact=True))
        return cards.get_by_test_id("stMetricValue")

    def choose(self, filter_name: str, value: str) -> None:
        """A value of a filter, by the keyboard alone."""
        box = self.page.get_by_role("combobox", name=filter_name)
        box.focus()
        self.page.keyboard.type(value)
        self.page.keyboard.press("Enter")
        self.settle()

    def bar(self, name: str) -> Locator:
        """The bar of this name."""
        return self.page.locator(f'path[aria-roledescription="bar"][aria-label*="name: {name};"]').first

    def asked(self) -> dict[str, str]:
        """What the address asks for."""
        return {name: values[0] for name, values in parse_qs(urlsplit(self.page.url).query).items()}

    def download(self, name: str) -> str:
        """The table of this name as CSV."""
        with self.page.expect_download() as started:
            self.page.locator(f".st-key-csv-{name}").get_by_role("button", name="Download as CSV").click()
        return Path(started.value.path()).read_text(encoding="utf-8-sig")

    def unnamed_controls(self) -> list[str]:
        return self.page.evaluate(_UNNAMED)

    def too_wide_by(self) -> int:
        """Pixels that the page is wider than its window."""
        return self.page.evaluate(_TOO_WIDE)


@contextmanager
def served(variables: Mapping[str, str], log: Path) -> Iterator[str]:
    """`weblogs dashboard` in a process of its own; its address."""
    port = any_free("the dashboards of a test")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("WEBLOGS_", "REDSHIFT_", "STREAMLIT_"))}
    command = [sys.executable, "-m", "weblogs_platform.cli", "dashboard", "--port", str(port)]
    with streamlit(command, port, log, environment={**kept, **variables}) as url:
        yield url


@contextmanager
def streamlit(
    command: Sequence[str], port: int, log: Path, environment: Mapping[str, str] | None = None
) -> Iterator[str]:
    """Streamlit in a process of its own, once it answers on `port`; its address."""
    with log.open("ab") as file:
        process = subprocess.Popen(command, env=environment, stdout=file, stderr=file)
    try:
        _wait_until_served(process, f"http://127.0.0.1:{port}", log)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)


def _wait_until_served(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    """Returns when Streamlit answers at `url`. Raises AssertionError with the log when its process has ended."""
    end = time.monotonic() + _STARTS_WITHIN_SECS
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while True:
        assert process.poll() is None, log.read_text(encoding="utf-8")
        assert time.monotonic() < end, f"not served after {_STARTS_WITHIN_SECS} s"
        try:
            with direct.open(f"{url}/_stcore/health", timeout=5):
                return
        except OSError:
            time.sleep(0.1)
