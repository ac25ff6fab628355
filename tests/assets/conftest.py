"""Builders of reports and ledger lines for the asset layer's tests."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from weblogs_platform.core.keys import LandingObject
from weblogs_platform.core.partitions import LandingHour
from weblogs_platform.core.plan import LoadedFile
from weblogs_platform.core.report import FileReport, HourReport
from weblogs_platform.streams import WEB_LOGS

HOUR = LandingHour.from_argument("2025-07-20T10")


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
    return LoadedFile(landed(name).key, etag, loaded + bad + dropped, loaded, bad, dropped)


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
