"""A stack for the deployment alone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from weblogs_platform.local.endpoints import Endpoints
from weblogs_platform.local.stack import Stack


@pytest.fixture(scope="session")
def warehouse_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoints]:
    """In the place of the one that other tests share: its sensors would make runs of their hours."""
    with Stack(tmp_path_factory.mktemp("deployment home")).running(dagster=False) as endpoints:
        yield endpoints
