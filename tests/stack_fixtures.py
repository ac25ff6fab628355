"""The embedded stack for tests: started once per test session, in a folder of its own, on free ports."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from weblogs_platform.local.endpoints import Endpoints
from weblogs_platform.local.stack import Stack


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoints]:
    """S3, without Redshift and Dagster's UI. Tests share it: use `fresh_bucket` where that matters."""
    home = tmp_path_factory.mktemp("stack home", numbered=True)  # the space is on purpose
    with Stack(home).running(dagster=False, redshift=False) as endpoints:
        yield endpoints


@pytest.fixture(scope="session")
def warehouse_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoints]:
    """S3 and Redshift of their own, apart from `stack`: nobody empties this bucket."""
    home = tmp_path_factory.mktemp("warehouse home", numbered=True)
    with Stack(home).running(dagster=False) as endpoints:
        yield endpoints


@pytest.fixture
def fresh_bucket(stack: Endpoints) -> Endpoints:
    """The shared stack with its bucket emptied first."""
    admin = stack.s3("admin")
    for page in admin.get_paginator("list_objects_v2").paginate(Bucket=stack.bucket):
        keys = [{"Key": found["Key"]} for found in page.get("Contents", [])]
        if keys:
            admin.delete_objects(Bucket=stack.bucket, Delete={"Objects": keys, "Quiet": True})
    return stack
