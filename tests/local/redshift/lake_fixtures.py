"""A server over the real embedded S3 with two roles, one that may write and one that may read only, and a place in
the bucket for each test."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pytest

from tests.local.redshift.conftest import USERS, open_connection
from weblogs_platform.local.endpoints import Endpoints
from weblogs_platform.local.redshift.contract import S3Credentials
from weblogs_platform.local.redshift.launch import LaunchOptions, RunningServer, launch

WRITER = "arn:aws:iam::000000000000:role/lake-writer"


@dataclass(frozen=True)
class Lake:
    """A prefix of the bucket, with everything's rights."""

    stack: Endpoints
    prefix: str

    @cached_property
    def s3(self) -> Any:
        return self.stack.s3("admin")

    def url(self, name: str = "") -> str:
        return f"s3://{self.stack.bucket}/{self.prefix}{name}"

    def names(self, under: str = "") -> list[str]:
        """Keys below the prefix, without it, sorted."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(
            Bucket=self.stack.bucket, Prefix=self.prefix + under
        )
        keys = [item["Key"] for page in pages for item in page.get("Contents", [])]
        return sorted(key.removeprefix(self.prefix) for key in keys)

    def read(self, name: str) -> bytes:
        return self.s3.get_object(Bucket=self.stack.bucket, Key=self.prefix + name)["Body"].read()

    def put(self, name: str, body: bytes) -> str:
        self.s3.put_object(Bucket=self.stack.bucket, Key=self.prefix + name, Body=body)
        return self.url(name)


@pytest.fixture
def lake(stack: Endpoints) -> Lake:
    return Lake(stack, f"validated/lake/{uuid.uuid4().hex}/")


@pytest.fixture(scope="module")
def lake_options(stack: Endpoints) -> LaunchOptions:
    roles = {
        stack.copy_role: S3Credentials(stack.keys["copy"].access_key, stack.keys["copy"].secret_key),
        WRITER: S3Credentials(stack.keys["admin"].access_key, stack.keys["admin"].secret_key),
    }
    return LaunchOptions(users=USERS, roles=roles, s3_endpoint=stack.s3_url, s3_region=stack.region)


@pytest.fixture(scope="module")
def lake_server(
    tmp_path_factory: pytest.TempPathFactory, lake_options: LaunchOptions
) -> Iterator[RunningServer]:
    with launch(tmp_path_factory.mktemp("lake"), lake_options) as running:
        yield running


@pytest.fixture
def sql(lake_server: RunningServer) -> Iterator[Any]:
    """A cursor that commits statement by statement."""
    connection = open_connection(lake_server)
    connection.autocommit = True
    yield connection.cursor()
    connection.close()
