"""The pictures of the README, made by the project itself:

    .venv/bin/python -m docs.pictures [dashboards]

`demo.svg` is what `weblogs demo` prints; `lineage.png`, `asset-graph.png` and `partition.png` are Dagster's UI over the data that it
loaded; `dashboard-*.png` are the dashboards over the shop that their tests use, so that they do not change with the
hour (`dashboards` makes only these). Everything happens in a temporary folder. Needs Chromium on PATH.
"""

from __future__ import annotations

import io
import os
import pty
import re
import struct
import subprocess
import sys
import tempfile
import termios
from collections.abc import Iterator, Sequence
from fcntl import ioctl
from pathlib import Path
from typing import Literal, cast

from playwright.sync_api import expect
from rich.console import Console
from rich.text import Text

from tests.browser.chromium import chromium, window
from tests.browser.dagster_pages import DagsterPages
from tests.browser.dashboard_pages import DashboardPages
from tests.dashboard.conftest import provisioned
from tests.dashboard.seed import seed
from weblogs_platform.clients.warehouse import Warehouse
from weblogs_platform.local.endpoints import Endpoints
from weblogs_platform.local.stack import Stack
from weblogs_platform.streams import WEB_LOGS

IMAGES = Path(__file__).parent / "images"
COLUMNS = 100
TITLE = "make demo"
FONT_FACE = re.compile(r"@font-face\s*\{[^}]*\}\s*")


def main(arguments: Sequence[str] = ()) -> None:
    """Writes all of them, or those of the dashboards. Raises CalledProcessError when the demo fails."""
    IMAGES.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        Stack(Path(folder) / ".weblogs").running(dagster=False, dashboard=True) as endpoints,
    ):
        warehouse = provisioned(endpoints)
        seed(warehouse)
        forget_planted_names(warehouse)
        photograph_dashboards(str(endpoints.dashboard_url))
    if list(arguments) == ["dashboards"]:
        return
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / ".weblogs"
        draw_demo(demo_output(home), IMAGES / "demo.svg")
        with Stack(home).running(dagster=True) as endpoints:
            photograph(endpoints)


def forget_planted_names(warehouse: Warehouse) -> None:
    """Alerts and findings of the shop are there to see whether markup in names is shown as text: no picture."""
    with warehouse.transaction() as tx:
        for table in ("alerts", "reconcile_findings", "reconcile_looks"):
            tx.execute(f"DELETE FROM shopware_ops.{table}")


def photograph_dashboards(url: str) -> None:
    """Three pages as they open, one of them in the dark, and one on a phone."""
    shots = (
        ("web-traffic", "", 1340, 1120, "light"),
        ("stores", "stores", 1340, 1000, "dark"),
        ("pipeline-health", "pipeline-health", 1340, 760, "light"),
        ("phone", "sales", 390, 844, "light"),
    )
    with chromium() as browser:
        for name, path, width, height, scheme in shots:
            with window(browser, width=width, height=height) as page:
                page.emulate_media(color_scheme=cast("Literal['light', 'dark']", scheme))
                DashboardPages(page, url).open(path)
                expect(page.get_by_test_id("stVegaLiteChart").locator("svg").first).to_be_visible()
                page.screenshot(path=IMAGES / f"dashboard-{name}.png", animations="disabled")


def demo_output(home: Path) -> str:
    """What `weblogs demo --no-serve` prints to a terminal of 100 columns, without its progress bars."""
    ours, theirs = pty.openpty()
    ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, COLUMNS, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-m", "weblogs_platform.cli", "demo", "--no-serve"],
        cwd=home.parent,
        env={**os.environ, "WEBLOGS_HOME": str(home), "TERM": "xterm-256color", "COLORTERM": "truecolor"},
        stdout=theirs,
        stderr=subprocess.DEVNULL,
    )
    os.close(theirs)
    output = b"".join(_chunks(ours))
    if process.wait():
        raise subprocess.CalledProcessError(process.returncode, "weblogs demo", output.decode())
    return output.decode().replace("\r\n", "\n")


def draw_demo(output: str, to: Path) -> None:
    console = Console(record=True, width=COLUMNS, file=io.StringIO())
    console.print(Text.from_ansi(output.strip()))
    # Without the fonts that it would fetch from elsewhere.
    to.write_text(FONT_FACE.sub("", console.export_svg(title=TITLE)), encoding="utf-8")


def photograph(endpoints: Endpoints) -> None:
    """The graph of a stream, and its newest hour with the checks and their numbers over the day."""
    with chromium() as browser:
        with window(browser, width=1640, height=420) as page:
            pages = DagsterPages(page, str(endpoints.dagster_url))
            pages.open_group(WEB_LOGS.name, WEB_LOGS.table)
            expect(page.get_by_text("ago")).to_have_count(5)
            page.screenshot(path=IMAGES / "asset-graph.png")
        with window(browser, width=1340, height=640) as page:
            pages = DagsterPages(page, str(endpoints.dagster_url))
            pages.open_lineage()
            expect(page.get_by_text("fetching statuses")).to_have_count(0)
            page.screenshot(path=IMAGES / "lineage.png")
        with window(browser, width=1340, height=1000) as page:
            pages = DagsterPages(page, str(endpoints.dagster_url))
            pages.open_check(f"validated/{WEB_LOGS.name}", "required_fields_not_null")
            expect(page.get_by_text("event_type_null_share")).to_have_count(2)  # its number, and its plot
            page.screenshot(path=IMAGES / "partition.png")


def _chunks(handle: int) -> Iterator[bytes]:
    """Everything that the other side of a terminal writes until it closes."""
    with os.fdopen(handle, "rb", buffering=0) as terminal:
        while True:
            try:
                chunk = terminal.read(65536)
            except OSError:  # Linux says EIO when the last writer is gone
                return
            if not chunk:
                return
            yield chunk


if __name__ == "__main__":
    main(sys.argv[1:])
