"""Times the dashboards over ten million web events: every page's queries, and its first paint in Chromium.

    python -m benchmarks.dashboard [--events 10000000] [--rounds 3] [--write]

The events go into the embedded Redshift's DuckDB file by one INSERT each day; the KPI tables are computed from them by
their own refreshes, as in production. What is shown is the default of a page: the newest seven days. First paint is
the time from opening a page in a new window until its cards show their figures, on a server that has served the page
before but has no answer in its cache; the next visit is the same window with other days. Beside each, in the same round, stands
a page of plain Streamlit with one card, loaded in the same way: seconds of a busy machine mean little, the ratio to
that page much. `--write` puts the figures into docs/PERFORMANCE.md.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from statistics import median

import duckdb
from playwright.sync_api import Browser
from rich.console import Console

from benchmarks.figures import _machine as machine
from tests.browser.chromium import chromium, window
from tests.browser.dashboard_pages import streamlit
from weblogs_platform.dashboard import queries
from weblogs_platform.dashboard.serve import command
from weblogs_platform.dashboard.view import Dates
from weblogs_platform.dashboard.views import PAGES
from weblogs_platform.kpis import TABLES
from weblogs_platform.local.endpoints import Endpoints
from weblogs_platform.local.home import Home
from weblogs_platform.local.ports import any_free
from weblogs_platform.local.stack import Stack
from weblogs_platform.pipeline.provision import initialise
from weblogs_platform.pipeline.refresh import refresh
from weblogs_platform.settings import DashboardSettings

PAGE = Path(__file__).resolve().parent.parent / "docs" / "PERFORMANCE.md"
BEGIN, END = "<!-- dashboards: begin -->", "<!-- dashboards: end -->"
FIRST, DAYS = datetime(2026, 10, 1, tzinfo=UTC), 30
_A_SESSION = 8
"""Events of one visit."""
AIM_SECS = 2.0


@dataclass(frozen=True)
class Figure:
    """A page: seconds of its queries one after another, and until its cards show figures in a browser that was never
    here and in one that was; of a blank page the first (medians). `ratio` is that of the two first ones in one round."""

    title: str
    queries: int
    query_secs: float
    paint_secs: float
    again_secs: float
    blank_secs: float
    ratio: float


def main(arguments: Sequence[str]) -> int:
    """Returns the exit status: 1 when a first paint takes longer than two seconds."""
    given = _parser().parse_args(arguments)
    console = Console(highlight=False)
    with tempfile.TemporaryDirectory(prefix="dashboards ") as folder:
        home = Path(folder) / "home"
        _fill(home, given.events, console.print)
        with (
            Stack(home).running(dagster=False, dashboard=True) as endpoints,
            _blank(Path(folder)) as blank,
            chromium() as browser,
        ):
            figures = [
                _measured(endpoints, blank, browser, number, given.rounds) for number in range(len(PAGES))
            ]
    text = _markdown(figures, given.events, given.rounds)
    console.print(text)
    if given.write:
        _write(text)
    return int(max(figure.paint_secs for figure in figures) > AIM_SECS)


def _fill(home: Path, events: int, say: Callable[[str], None]) -> None:
    """Makes the stack's tables, fills them, and computes the KPIs."""
    from resources import LakeResource, RedshiftResource
    from weblogs_platform.dashboard.access import set_reading

    with Stack(home).running(dagster=False) as endpoints:
        variables = {**endpoints.platform_variables(), "WEBLOGS_HOME": str(home)}
        warehouse = RedshiftResource(variables=variables).warehouse()
        initialise(LakeResource(variables=variables).lake(), warehouse)
        set_reading(warehouse, variables["WEBLOGS_DASHBOARD_USER"], "everything")
    began = time.monotonic()
    with _database(home) as database:
        for statement in _inserts(events):
            database.execute(statement)
    say(f"{events:,} events inserted in {time.monotonic() - began:.0f} s")
    began = time.monotonic()
    with Stack(home).running(dagster=False) as endpoints:
        variables = {**endpoints.platform_variables(), "WEBLOGS_HOME": str(home)}
        warehouse = RedshiftResource(variables=variables).warehouse()
        for table in TABLES:
            for day in range(DAYS):
                first = FIRST + timedelta(days=day)
                refresh(warehouse, table, first, first + timedelta(days=1), run_id="benchmark")
    say(f"{len(TABLES)} KPI tables computed in {time.monotonic() - began:.0f} s")


@contextmanager
def _database(home: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    connection = duckdb.connect(str(Home(home).path("redshift", "warehouse.duckdb")))
    try:
        yield connection
    finally:
        connection.close()


def _inserts(events: int) -> Iterator[str]:
    """Repeatable without a seed: everything derives from the number of the row."""
    a_day = events // DAYS
    step = 86_400_000_000 // (a_day // _A_SESSION)  # microseconds between visits
    for day in range(DAYS):
        midnight = f"TIMESTAMP '{FIRST + timedelta(days=day):%Y-%m-%d %H:%M:%S}'"
        visit = f"(i // {_A_SESSION})"
        at = f"{midnight} + to_microseconds({visit} * {step}) + to_seconds(9 * (i % {_A_SESSION}))"
        yield (
            "INSERT INTO shopware_stream.web_logs_stream SELECT "
            "(['View', 'Click', 'Scroll', 'View'])[1 + (i * 7) % 4], "
            f"(['Chrome', 'Chrome', 'Firefox', 'Edge', 'Safari'])[1 + {visit} % 5], "
            f"(['Desktop', 'Mobile', 'Mobile', 'Tablet'])[1 + {visit} % 4], "
            "'page/' || CAST((i * i) % 41 AS VARCHAR), "
            f"CAST(1000 + ({visit} * 7919) % 200003 AS VARCHAR), '{day}-' || CAST({visit} AS VARCHAR), "
            f"{at}, epoch({at}), date_trunc('hour', {at}), {at} FROM range({a_day}) AS rows(i)"
        )
        yield (
            "INSERT INTO shopware_stream.customer_interaction_stream SELECT CAST(1 + (i * 31) % 40009 AS INTEGER), "
            "(['Feedback', 'Complaint', 'Loyalty'])[1 + i % 3], (['Email', 'App', 'Phone', NULL])[1 + i % 4], "
            "CASE WHEN i % 6 > 0 THEN CAST(i % 6 AS INTEGER) END, 'a message', "
            f"{midnight} + to_seconds(i * 5), {midnight}, date_trunc('hour', {midnight} + to_seconds(i * 5)), "
            f"{midnight} + to_seconds(i * 5) FROM range(17000) AS rows(i)"
        )
        yield (
            f"INSERT INTO shopware_processed.pos_records SELECT '{day}-' || CAST(i AS VARCHAR), CAST(1 + i % 50 AS INTEGER), "
            "CAST(1000 + (i * 13) % 1000 AS INTEGER), CAST(1 + i % 5 AS INTEGER), CAST(10 + (i * 17) % 190 AS DECIMAL(12, 2)), "
            f"NULL, {midnight} + to_seconds(i * 5), {midnight}, i, {midnight}, {midnight} + to_seconds(i * 5) "
            "FROM range(17000) AS rows(i)"
        )
        yield (
            f"INSERT INTO shopware_processed.inventory_records SELECT CAST(i AS VARCHAR), CAST(1000 + i % 1000 AS INTEGER), "
            "CAST(1 + i // 1000 AS INTEGER), CAST((i * 37) % 480 AS INTEGER), CAST(20 AS INTEGER), "
            f"{midnight} + to_hours(20), {midnight}, i, {midnight} + to_hours(20), {midnight} + to_hours(20) "
            "FROM range(10000) AS rows(i)"
        )
    for stream, table in (
        ("web_logs", "shopware_stream.web_logs_stream"),
        ("customer_interactions", "shopware_stream.customer_interaction_stream"),
        ("pos", "shopware_processed.pos_records"),
        ("inventory", "shopware_processed.inventory_records"),
    ):
        yield (
            f"INSERT INTO shopware_ops.load_history SELECT '{stream}', landing_hour, '{stream}', 'etag', 0, COUNT(*), "
            "COUNT(*), 0, 0, 0, 'rules', NULL, NULL, NULL, 'benchmark', landing_hour + to_minutes(65), NULL "
            f"FROM {table} GROUP BY landing_hour"
        )


@contextmanager
def _blank(folder: Path) -> Iterator[str]:
    """The address of a page with one card and nothing else, served by Streamlit as it comes."""
    script = folder / "blank.py"
    script.write_text('import streamlit as st\n\nst.metric("Figure", "1")\n', encoding="utf-8")
    port = any_free("the blank page")
    with streamlit(command(port, script), port, folder / "blank.log") as url:
        yield url


def _measured(endpoints: Endpoints, blank: str, browser: Browser, number: int, rounds: int) -> Figure:
    spec = PAGES[number]
    settings = DashboardSettings.from_env(endpoints.platform_variables())
    last = queries.answer(queries.text_of(spec.span_query), {}, settings)["last_at"].iloc[0]
    newest_day = date.fromisoformat(str(last)[:10])
    newest = Dates(newest_day - timedelta(days=6), newest_day)
    asked = queries_of(spec.path, newest.start, newest.until)
    timed = [_query_secs(asked, settings) for _ in range(rounds)]
    url = f"{endpoints.dashboard_url}/{'' if number == 0 else spec.path}"
    # Other days in each round, as many: what a query finds, and not what the cache kept.
    paints = [
        (
            *_paint_secs(
                browser, [_address(url, newest.start - timedelta(days=n + shift)) for shift in (0, 7)]
            ),
            *_paint_secs(browser, [blank]),
        )
        for n in range(rounds + 1)
    ][1:]
    first, again, blanks = zip(*paints, strict=True)
    ratio = median(page / other for page, other in zip(first, blanks, strict=True))
    return Figure(spec.title, len(asked), median(timed), median(first), median(again), median(blanks), ratio)


def _address(url: str, first: datetime) -> str:
    return f"{url}?from={first:%Y-%m-%d}&to={first + timedelta(days=6):%Y-%m-%d}"


_NOTHING = {
    "hourly": 0, "event_type": "", "browser": "", "device": "", "page": "", "type": "", "channel": "", "rated": 0,
    "lowest": 0, "highest": 0, "personal": 0, "store": "", "product": "", "category": "", "warehouse": "", "status": "",
    "chosen_1": "1", "chosen_2": "2", "chosen_3": "3", "chosen_4": "", "chosen_5": "", "restock": 0, "stream": "",
}  # fmt: skip
_PREFIXES = {
    "web-traffic": ("web_",), "customer-interactions": ("interaction",), "sales": ("sales_",), "stores": ("stores_",),
    "inventory": ("inventory_",), "pipeline-health": ("health_",),
}  # fmt: skip


def queries_of(path: str, first: datetime, until: datetime) -> list[tuple[str, dict[str, queries.Value]]]:
    """Every statement file of a page, those of its rows too, with the parameters that it names."""
    ages = {"day": until - timedelta(days=1), "week": until - timedelta(days=7)}
    every: dict[str, queries.Value] = {**_NOTHING, "first": first, "until": until, **ages}
    found = [file for prefix in _PREFIXES[path] for file in sorted(queries.FOLDER.glob(f"{prefix}*.sql"))]
    texts = [queries.text_of(file.stem) for file in found]
    return [(text, {name: value for name, value in every.items() if f":{name}" in text}) for text in texts]


_FIGURES_SHOWN = "() => [...document.querySelectorAll('[data-testid=stMetricValue]')].some(e => /[0-9]/.test(e.textContent))"


def _query_secs(asked: Sequence[tuple[str, dict[str, queries.Value]]], settings: DashboardSettings) -> float:
    began = time.perf_counter()
    for text, parameters in asked:
        queries.answer(text, parameters, settings)
    return time.perf_counter() - began


def _paint_secs(browser: Browser, urls: Sequence[str]) -> list[float]:
    """Until the cards of each page show figures, in one new window."""
    found: list[float] = []
    with window(browser) as page:
        for url in urls:
            page.goto("about:blank")
            began = time.perf_counter()
            page.goto(url, wait_until="commit")
            page.wait_for_function(_FIGURES_SHOWN)
            found.append(time.perf_counter() - began)
    return found


def _markdown(figures: Sequence[Figure], events: int, rounds: int) -> str:
    rows = [
        "| page | queries | all queries, s | first paint, s | next visit, s | blank page, s | first paint / blank |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
        *(
            f"| {f.title} | {f.queries} | {f.query_secs:.2f} | {f.paint_secs:.2f} | {f.again_secs:.2f} "
            f"| {f.blank_secs:.2f} | {f.ratio:.2f} |"
            for f in figures
        ),
    ]
    load = os.getloadavg()[1]
    head = (
        f"{events:,} web events over {DAYS} days; the newest seven days shown; medians of {rounds}. Machine: "
        f"{machine()}; load average over the last five minutes {load:.1f}."
    )
    return f"{head}\n\n" + "\n".join(rows)


def _write(text: str) -> None:
    content = PAGE.read_text(encoding="utf-8")
    before, _, rest = content.partition(BEGIN)
    _, _, after = rest.partition(END)
    if not rest:
        raise ValueError(f"{PAGE} has no `{BEGIN}` and `{END}` to put the figures between")
    PAGE.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}", encoding="utf-8")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.dashboard", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--events", type=int, default=10_000_000, help="web events (10,000,000)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds, whose medians are shown (3)")
    parser.add_argument("--write", action="store_true", help="put the figures into docs/PERFORMANCE.md")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
