"""The embedded stack for tests: started once per test session, in a folder of its own, on free ports."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from weblogs_platform.local.certificates import trust_bundle
from weblogs_platform.local.endpoints import Endpoints, RedshiftEndpoint
from weblogs_platform.local.redshift.config import User
from weblogs_platform.local.redshift.contract import S3Credentials
from weblogs_platform.local.redshift.launch import LaunchOptions, launch
from weblogs_platform.local.stack import Stack

_PASSWORD = "made-up-for-tests"


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
    with (
        Stack(home).running(dagster=False, redshift=False) as lake,
        launch(home / "warehouse", _options(lake)) as server,
    ):
        bundle = trust_bundle(home / "trust.pem", server.authority)
        redshift = RedshiftEndpoint(
            server.host, server.port, "dev", "awsuser", _PASSWORD, server.authority, bundle
        )
        yield replace(lake, redshift=redshift)


def _options(lake: Endpoints) -> LaunchOptions:
    keys = lake.keys["copy"]
    return LaunchOptions(
        users={"awsuser": User(_PASSWORD)},
        roles={lake.copy_role: S3Credentials(keys.access_key, keys.secret_key)},
        s3_endpoint=lake.s3_url,
        s3_region=lake.region,
    )


@pytest.fixture
def fresh_bucket(stack: Endpoints) -> Endpoints:
    """The shared stack with its bucket emptied first."""
    admin = stack.s3("admin")
    for page in admin.get_paginator("list_objects_v2").paginate(Bucket=stack.bucket):
        keys = [{"Key": found["Key"]} for found in page.get("Contents", [])]
        if keys:
            admin.delete_objects(Bucket=stack.bucket, Delete={"Objects": keys, "Quiet": True})
    return stack
