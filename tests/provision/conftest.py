"""A warehouse that nobody has initialised, over the shared S3: each test migrates one of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.pipeline.child import lake_of
from weblogs_platform.clients.lake import Lake
from weblogs_platform.clients.warehouse import Warehouse, warehouse_of
from weblogs_platform.local.endpoints import Endpoints
from weblogs_platform.local.redshift.config import User
from weblogs_platform.local.redshift.contract import S3Credentials
from weblogs_platform.local.redshift.launch import LaunchOptions, launch
from weblogs_platform.settings import PROJECT_ROOT, Settings


@dataclass(frozen=True)
class Bare:
    """S3 of the shared stack and an empty Redshift."""

    variables: dict[str, str]
    lake: Lake
    warehouse: Warehouse

    def run_statements(self, folder: Path) -> None:
        """Every file of the folder, in order."""
        for path in sorted(folder.glob("*.sql")):
            with self.warehouse.transaction() as tx:
                tx.execute(path.read_text(encoding="utf-8"))

    def ask(self, query: str) -> list[tuple[object, ...]]:
        with self.warehouse.transaction() as tx:
            return tx.fetch_all(query)

    def start_init(self, **variables: str) -> subprocess.Popen[str]:
        """`weblogs init` as a process of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "weblogs_platform.cli", "init"],
            cwd=PROJECT_ROOT,
            env={**self.variables, "PATH": os.environ["PATH"], **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def init(self, **variables: str) -> tuple[int, str]:
        """Its exit status and what it printed."""
        process = self.start_init(**variables)
        printed, _ = process.communicate()
        return process.returncode, printed


@pytest.fixture
def bare(fresh_bucket: Endpoints, tmp_path: Path) -> Iterator[Bare]:
    stack = fresh_bucket
    keys = stack.keys["copy"]
    options = LaunchOptions(
        users={"awsuser": User("secret")},
        roles={stack.copy_role: S3Credentials(keys.access_key, keys.secret_key)},
        s3_endpoint=stack.s3_url,
        s3_region=stack.region,
    )
    with launch(tmp_path / "redshift", options) as server:
        variables = {
            **stack.platform_variables(),
            "WEBLOGS_HOME": str(tmp_path),
            "REDSHIFT_HOST": server.host,
            "REDSHIFT_PORT": str(server.port),
            "REDSHIFT_USER": "awsuser",
            "REDSHIFT_PASSWORD": "secret",
            "REDSHIFT_SSL_CA": str(server.authority),
        }
        settings = Settings.from_env(variables)
        yield Bare(variables, lake_of(settings), warehouse_of(settings))
