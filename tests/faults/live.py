"""Live traffic at the highest rate that is held, with faults on: `make faults FAULTARGS='--only live --minutes 60'`.

A process (`live_loader`) evaluates the sensors and carries out what they request. It is killed at random; Redshift is
killed and started again; S3 fails through the proxy. The rate of delivery rises while objects are loaded in time, and
falls while they are not, so that what waits stays bounded. In the end faults cease, everything comes home without help,
and all rows, quarantined bytes and lines of the ledger are compared with what was delivered, page by page.
"""

from __future__ import annotations

import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from dataclasses import replace as changed
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.faults import servers as server_parts
from tests.faults.laboratory import Contents, Laboratory, WrongResult
from tests.faults.live_traffic import STREAMS, LiveTraffic, Sent, number_column, numbers, pages
from tests.faults.oracle import TABLES
from tests.faults.report import Report
from tests.faults.s3_proxy import FAULTS, Plan
from weblogs_platform.core.errors import WeblogsError

LOADER = "live traffic: kill -9 of the loading process"
REDSHIFT = "live traffic: kill -9 of Redshift"
S3 = "live traffic: requests that S3 fails"
CONTENTS = "live traffic: objects compared in the end"

_LATE_SECS = 60.0
"""Older than that, an object that waits makes the rate fall."""
_FIRST_RATE, _LEAST_RATE = 1e6, 2e5
_RATE_EVERY_SECS, _LOOK_EVERY_SECS = 15.0, 1.0
_MEAN_SECS = {"loader": 45.0, "redshift": 100.0, "s3": 8.0}
_PATIENT = 2 / 3
"""Of the loading process's lives: those that end only some time after their first commit. The others end at any time, and on
a slow machine before they have loaded anything."""
_HOME_SECS = 900.0
_PAGE = 16
_STEP_SECS = 0.05


@dataclass
class _Figures:
    """What is told in the end. Rates are bytes a second."""

    began: float = field(default_factory=time.monotonic)
    sent: list[Sent] = field(default_factory=list[Sent])
    lags: list[float] = field(default_factory=list[float])
    rate: float = _FIRST_RATE
    traffic_secs: float = 0.0
    delivered_bytes: int = 0
    loaded_bytes: int = 0

    def text(self, secs: float, minutes: float) -> str:
        records, size = sum(s.records for s in self.sent), sum(s.body_bytes for s in self.sent)
        lags = sorted(self.lags)
        at = [statistics.median(lags), lags[int(0.95 * (len(lags) - 1))], lags[-1]] if lags else [0.0] * 3
        delivered, loaded = (n / self.traffic_secs / 1e6 for n in (self.delivered_bytes, self.loaded_bytes))
        each = size / max(1, records) / 1e6
        return (
            f"Live traffic for {minutes:g} minutes: {len(self.sent)} objects, {records:,} records, {size / 1e6:,.0f} MB "
            f"(before gzip). While it came: delivered {delivered / each:,.0f} records/s, {delivered:.2f} MB/s; loaded "
            f"{loaded / each:,.0f} records/s, {loaded:.2f} MB/s. All was loaded {secs - self.traffic_secs:.0f} s after the last "
            f"delivery. From an object's LastModified to its commit: median {at[0]:.0f} s, 95 % {at[1]:.0f} s, longest {at[2]:.0f} s."
        )


class _Loader:
    """The loading process, through the proxies."""

    def __init__(self, servers: server_parts.Servers, folder: str) -> None:
        through = {
            "AWS_ENDPOINT_URL_S3": str(servers.settings.s3_endpoint),
            "REDSHIFT_PORT": str(servers.settings.redshift.port),
            "WEBLOGS_HOME": str(servers.endpoints.home),
            "PATH": os.environ["PATH"],
            "DAGSTER_DISABLE_TELEMETRY": "1",
        }
        self._environment = {**servers.endpoints.platform_variables(), **through}
        self._folder = folder
        self._log = Path(folder, "loader.log").open("ab")  # noqa: SIM115 - closed by close()
        self.start()

    def start(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.live_loader", self._folder],
            cwd=Path(__file__).resolve().parents[2],
            env=self._environment,
            stdout=self._log,
            stderr=self._log,
        )

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def check_alive(self) -> None:
        if self._process.poll() is not None:
            said = Path(self._folder, "loader.log").read_text(encoding="utf-8", errors="replace")
            raise WrongResult(f"the loading process ended by itself: {said[-2000:]}")

    def close(self) -> None:
        self.kill()
        self._log.close()


class _Run:
    """One run of live traffic over servers of its own."""

    def __init__(self, servers: server_parts.Servers, lab: Laboratory, report: Report, folder: str) -> None:
        self._servers, self._chance, self._report = servers, lab.chance, report
        self._quarantined = Laboratory(servers, 0).quarantined
        self._traffic = LiveTraffic(lab.traffic)
        self._s3 = servers.client("delivery")
        self._admin = servers.client("admin")
        self._bucket = servers.endpoints.bucket
        self._loader = _Loader(servers, folder)
        self._waiting: dict[str, tuple[Sent, float]] = {}
        self._due: dict[str, float] = {}
        self._plan: Plan | None = None
        self.figures = _Figures()

    def close(self) -> None:
        self._servers.s3_proxy.plan = None
        self._loader.close()

    def traffic(self, minutes: float) -> None:
        """Delivers, breaks and looks, for so long."""
        end, began = time.monotonic() + 60 * minutes, time.monotonic()
        self._due = {what: began + self._pause(what) for what in _MEAN_SECS}
        looked = rated = last = began
        allowance = 0.0
        while (now := time.monotonic()) < end:
            # What a fault or a slow machine held up is not made up for in one go.
            allowance, last = min(allowance + self.figures.rate * (now - last), 2 * self.figures.rate), now
            while allowance > 0:
                allowance -= self._send()
            for what in [what for what, at in self._due.items() if at <= now]:
                self._break(what)
                self._due[what] = time.monotonic() + self._pause(what)
                if what == "loader" and self._chance.random() < _PATIENT:
                    self._due[what] = math.inf  # until it has loaded something
            if now - looked >= _LOOK_EVERY_SECS:
                self._look()
                looked = now
            if now - rated >= _RATE_EVERY_SECS:
                self._rate()
                rated = now
            time.sleep(_STEP_SECS)
        self.figures.traffic_secs = time.monotonic() - began

    def come_home(self) -> None:
        """Without faults, and without help. Raises WrongResult when something does not."""
        self._servers.s3_proxy.plan = None
        deadline = time.monotonic() + _HOME_SECS
        while self._waiting:
            self._look()
            self._loader.check_alive()
            if time.monotonic() > deadline:
                raise WrongResult(f"not loaded after {_HOME_SECS:g} s: {sorted(self._waiting)[:5]}")
            time.sleep(_LOOK_EVERY_SECS)

    def check(self) -> None:
        """All contents, some objects at a time. Raises WrongResult."""
        for stream in STREAMS:
            sent = [one for one in self.figures.sent if one.stream == stream]
            for page in pages(sent, _PAGE):
                problems = self._found(stream, page).differences(self._traffic.expected(page))
                if problems:
                    raise WrongResult(f"{stream}: " + "; ".join(problems[:5]))
            self._check_total(stream, sent)

    def _check_total(self, stream: str, sent: list[Sent]) -> None:
        """Nothing may be outside of the pages."""
        wanted = sum(self._traffic.expected([one]).rows.total() for one in sent)
        with self._servers.warehouse.transaction() as tx:
            [(rows,)] = tx.fetch_all(f"SELECT COUNT(*) FROM {TABLES[stream]}")
            [(lines,)] = tx.fetch_all(
                "SELECT COUNT(*) FROM shopware_ops.load_history WHERE stream = %s AND superseded_at IS NULL",
                (stream,),
            )
        if (int(rows), int(lines)) != (wanted, len(sent)):
            raise WrongResult(
                f"{stream}: {rows} rows and {lines} objects instead of {wanted} and {len(sent)}"
            )

    def _found(self, stream: str, page: list[Sent]) -> Contents:
        column, (first, last) = number_column(stream), numbers(page)
        names = ", ".join(["%s"] * len(page))
        with self._servers.warehouse.transaction() as tx:
            rows = tx.fetch_all(
                f"SELECT * FROM {TABLES[stream]} WHERE {column} >= %s AND {column} <= %s", (first, last)
            )
            lines = tx.fetch_all(
                "SELECT object_key, etag, loaded, quarantined, invalid_key FROM shopware_ops.load_history "
                f"WHERE superseded_at IS NULL AND object_key IN ({names})",
                tuple(one.key for one in page),
            )
        keys = [line[-1] for line in lines if line[-1]]
        ledger = Counter((k, e, int(good), int(bad)) for k, e, good, bad, _ in lines)
        return Contents(Counter(rows), ledger, Counter(self._quarantined(keys)))

    def _send(self) -> int:
        sent, body = self._traffic.next()
        answer = self._s3.put_object(Bucket=self._bucket, Key=sent.key, Body=body)
        sent = changed(sent, etag=answer["ETag"].strip('"'))
        self.figures.sent.append(sent)
        self.figures.delivered_bytes += sent.body_bytes
        self._waiting[sent.key] = (sent, time.time())
        return sent.body_bytes

    def _look(self) -> None:
        """Which objects are committed now."""
        self._count_s3()
        if not self._waiting:
            return
        since = min(at for _, at in self._waiting.values()) - 60
        with suppress(WeblogsError), self._servers.warehouse.transaction() as tx:
            keys = tx.fetch_all(
                "SELECT object_key FROM shopware_ops.load_history WHERE superseded_at IS NULL "
                "AND loaded_at >= CAST(%s AS TIMESTAMP)",
                (f"{datetime.fromtimestamp(since, UTC).replace(tzinfo=None)}",),
            )
            seen = datetime.now(UTC)
            for (key,) in keys:
                if key in self._waiting:
                    self._take(key, seen)

    def _take(self, key: str, seen: datetime) -> None:
        sent, _ = self._waiting.pop(key)
        modified = self._admin.head_object(Bucket=self._bucket, Key=key)["LastModified"]
        self.figures.lags.append(max(0.0, (seen - modified) / timedelta(seconds=1)))
        if not self.figures.traffic_secs:
            self.figures.loaded_bytes += sent.body_bytes
        if math.isinf(self._due["loader"]):
            self._due["loader"] = time.monotonic() + self._pause("loader")

    def _rate(self) -> None:
        oldest = time.time() - min((at for _, at in self._waiting.values()), default=time.time())
        if oldest > 3 * _LATE_SECS:
            self.figures.rate = _LEAST_RATE
        else:
            self.figures.rate = max(_LEAST_RATE, self.figures.rate * (1.3 if oldest < _LATE_SECS else 0.6))

    def _pause(self, what: str) -> float:
        return self._chance.expovariate(1 / _MEAN_SECS[what])

    def _break(self, what: str) -> None:
        if what == "loader":
            self._loader.check_alive()
            self._loader.kill()
            self._loader.start()
            self._report.happened(LOADER)
        elif what == "redshift":
            self._servers.redshift.kill()
            self._servers.redshift.restart()
            self._report.happened(REDSHIFT)
        else:
            self._count_s3()
            operation = self._chance.choice(_OPERATIONS)
            faults = [f for f in FAULTS if (operation, f) != ("copy_reads", "silence")]
            self._plan = Plan(operation, self._chance.choice(faults), self._chance.randint(1, 4))
            self._servers.s3_proxy.plan = self._plan

    def _count_s3(self) -> None:
        if self._plan and self._plan.struck:
            self._report.happened(S3, self._plan.struck)
            self._plan.times, self._plan.struck = self._plan.times - self._plan.struck, 0


_OPERATIONS = (
    "list",
    "get",
    "get_report",
    "put_validated",
    "put_invalid",
    "put_report",
    "put_manifest",
    "copy_reads",
)


def part(lab: Laboratory, report: Report, minutes: float) -> None:
    """The campaign's part, over servers of its own."""
    with (
        tempfile.TemporaryDirectory(prefix="live-") as folder,
        server_parts.running(Path(folder) / "home") as servers,
        _running(servers, lab, report, folder) as run,
        report.watching(CONTENTS),
    ):
        began = time.monotonic()
        run.traffic(minutes)
        run.come_home()
        report.notes.append(run.figures.text(time.monotonic() - began, minutes))
        run.check()


@contextmanager
def _running(servers: server_parts.Servers, lab: Laboratory, report: Report, folder: str) -> Iterator[_Run]:
    run = _Run(servers, lab, report, folder)
    try:
        yield run
    finally:
        run.close()
