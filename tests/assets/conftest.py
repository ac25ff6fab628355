"""Builders of reports and ledger lines, and the embedded stack as the assets see it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import dagster as dg
import pytest

from assets.retry import Backoff
from resources import LakeResource, RedshiftResource
from tests import calendar_shares
from weblogs_platform.clients.lake import Lake
from weblogs_platform.clients.warehouse import Warehouse
from weblogs_platform.core.keys import LandingObject
from weblogs_platform.core.partitions import LandingHour
from weblogs_platform.core.plan import LoadedFile
from weblogs_platform.core.report import FileReport, HourReport
from weblogs_platform.core.spec import StreamSpec
from weblogs_platform.definitions import build_definitions
from weblogs_platform.local.endpoints import Endpoints
from weblogs_platform.pipeline.provision import initialise
from weblogs_platform.streams import STREAMS, WEB_LOGS

HOUR = LandingHour.from_argument("2025-07-20T10")
_DAYS = calendar_shares.ASSETS.starts()


def landed(name: str = "a", hour: LandingHour = HOUR, etag: str = "e1") -> LandingObject:
    key = f"{WEB_LOGS.landing_hour_prefix(hour)}{name}"
    return LandingObject(key, etag, 100, datetime(2025, 7, 20, 10, 30, tzinfo=UTC))


def file_report(name: str = "a", *, good: int = 10, bad: int = 0, **more: Any) -> FileReport:
    source = landed(name)
    return FileReport(
        source=source,
        rules=WEB_LOGS.rules_digest,
        compression="plain",
        load_key=source.key if good else None,
        load_bytes=100,
        invalid_key="invalid/x" if bad else None,
        records=good + bad,
        good=good,
        bad=bad,
        conformed=0,
        data_bytes=100,
        **more,
    )


def hour_report(*files: FileReport, duplicates: int = 0) -> HourReport:
    return HourReport(
        stream=WEB_LOGS.name, hour=HOUR, rules=WEB_LOGS.rules_digest, files=files, duplicates=duplicates
    )


def ledger_line(
    name: str = "a", *, loaded: int = 10, bad: int = 0, dropped: int = 0, etag: str = "e1"
) -> LoadedFile:
    return LoadedFile(
        landed(name).key, etag, WEB_LOGS.rules_digest, loaded + bad + dropped, loaded, bad, dropped
    )


@pytest.fixture
def make_record() -> Callable[..., dict[str, Any]]:
    return record


@pytest.fixture
def make_file() -> Callable[..., FileReport]:
    return file_report


@pytest.fixture
def make_report() -> Callable[..., HourReport]:
    return hour_report


@pytest.fixture
def make_line() -> Callable[..., LoadedFile]:
    return ledger_line


@pytest.fixture
def make_object() -> Callable[..., LandingObject]:
    return landed


@dataclass(frozen=True)
class Platform:
    """The embedded stack as the assets see it. Tests share it: each takes days of its own."""

    variables: dict[str, str]
    delivery: Any
    bucket: str
    warehouse: Warehouse
    lake: Lake

    def fresh_hour(self) -> LandingHour:
        """Midnight of a day that, with the nine after it, no other test has."""
        return next(_DAYS)

    def deliver(self, hour: LandingHour, name: str, records: Sequence[dict[str, Any] | bytes]) -> None:
        """One object as Firehose writes it: records without anything between them."""
        body = b"".join(r if isinstance(r, bytes) else json.dumps(r).encode() for r in records)
        key = f"{WEB_LOGS.landing_hour_prefix(hour)}{name}"
        self.delivery.put_object(Bucket=self.bucket, Key=key, Body=body)

    def definitions(self, streams: Sequence[StreamSpec] = STREAMS) -> dg.Definitions:
        at_once = Backoff((0.0,), sleep=lambda _: None)
        return build_definitions(streams=streams, variables=self.variables, backoff=at_once)

    def rows(self, first: LandingHour, hours: int = 24) -> dict[str, int]:
        """Rows of the table by hour, `HH`."""
        query = (
            "SELECT landing_hour, COUNT(*) FROM shopware_stream.web_logs_stream "
            "WHERE landing_hour >= CAST(%s AS TIMESTAMP) AND landing_hour < CAST(%s AS TIMESTAMP) GROUP BY 1"
        )
        with self.warehouse.transaction() as tx:
            found = tx.fetch_all(query, (first.sql, first.plus(hours).sql))
        return {f"{start:%H}": int(count) for start, count in found}


def record(number: int = 0, **payload: Any) -> dict[str, Any]:
    """A good web-log record; `payload` replaces members of its payload."""
    values = {
        "event_type": "Click",
        "browser": "Edge",
        "device_type": "Desktop",
        "page": "app",
        "user_id": 5089,
        "session_id": f"session-{number}",
        "timestamp": 1746269854.25,
    }
    return {"timestamp": "2025-07-17T20:40:36.066373", "payload": values | payload}


@pytest.fixture(scope="session")
def platform(warehouse_stack: Endpoints) -> Platform:
    """S3 and Redshift with the tables made; the platform's own roles reach them."""
    variables = {**warehouse_stack.platform_variables(), "WEBLOGS_HOME": str(warehouse_stack.home)}
    lake = LakeResource(variables=variables).lake()
    warehouse = RedshiftResource(variables=variables).warehouse()
    initialise(lake, warehouse)
    delivery = warehouse_stack.s3("delivery")
    return Platform(variables, delivery, warehouse_stack.bucket, warehouse, lake)
