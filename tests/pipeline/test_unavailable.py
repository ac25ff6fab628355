"""Servers that are not there: a run fails within seconds, in one line that says what to start."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from resources import LakeResource, RedshiftResource
from tests.clients.failed_logins import collect_failed_logins
from tests.pipeline.hours import Hour
from weblogs_platform.core.errors import AccessRefused, LakeUnavailable, WarehouseUnavailable
from weblogs_platform.local.endpoints import Endpoints
from weblogs_platform.local.ports import any_free

WITHIN_SECS = 15.0

Resources = Callable[..., tuple[LakeResource, RedshiftResource]]


@pytest.fixture
def resources(warehouse_stack: Endpoints) -> Resources:
    """The resources of a run whose environment differs in the given variables."""

    def make(**changed: str) -> tuple[LakeResource, RedshiftResource]:
        variables = {**warehouse_stack.platform_variables(), **changed}
        return LakeResource(variables=variables), RedshiftResource(variables=variables)

    return make


@contextmanager
def _soon() -> Iterator[None]:
    began = time.monotonic()
    yield
    assert time.monotonic() - began < WITHIN_SECS


def _nobodys_port() -> str:
    return str(any_free("nobody", excluded=set()))


def test_without_redshift_a_load_says_what_to_start(hour: Hour, resources: Resources) -> None:
    """A run hangs in the driver, or ends in its stack trace."""
    hour.drop_records("a", 1)
    hour.validate()
    _, redshift = resources(REDSHIFT_PORT=_nobodys_port())
    with _soon(), pytest.raises(WarehouseUnavailable, match="weblogs up") as failed:
        replace(hour, warehouse=redshift.warehouse()).load()
    assert "\n" not in str(failed.value)
    assert hour.load().action == "append"


def test_without_s3_every_step_says_what_to_start(hour: Hour, resources: Resources) -> None:
    """A run retries a server that is not there for minutes."""
    lake, _ = resources(AWS_ENDPOINT_URL_S3=f"http://127.0.0.1:{_nobodys_port()}")
    offline = replace(hour, lake=lake.lake())
    for step in (offline.listed, offline.validate, offline.load):
        with _soon(), pytest.raises(LakeUnavailable, match="weblogs up") as failed:
            step()
        assert "\n" not in str(failed.value)


def test_wrong_credentials_are_told_apart_from_a_server_that_is_not_there(
    hour: Hour, resources: Resources
) -> None:
    """A wrong password is retried, and the message says to start what runs."""
    lake, redshift = resources(AWS_SECRET_ACCESS_KEY="wrong", REDSHIFT_PASSWORD="wrong")
    hour.drop_records("a", 1)
    with pytest.raises(AccessRefused, match=r"SignatureDoesNotMatch|AccessDenied|403"):
        replace(hour, lake=lake.lake()).listed()
    hour.validate()
    with pytest.raises(AccessRefused, match="28"):
        replace(hour, warehouse=redshift.warehouse()).load()
    collect_failed_logins()
