"""Copies that are killed, beside each other, or whose commit gets no answer: the hour is in the lakehouse once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest

from tests.faults.s3_proxy import Plan, S3Proxy
from tests.lakehouse.test_copy import copied, copy
from tests.pipeline.hours import Hour
from weblogs_platform.clients.lakehouse import Lakehouse
from weblogs_platform.core.partitions import LandingHour
from weblogs_platform.local.endpoints import Endpoints
from weblogs_platform.settings import PROJECT_ROOT

Start = Callable[..., subprocess.Popen[str]]
WRITES_BEFORE = ("opened", "before_write", "read")
WRITES_AFTER = ("committed", "manifest_published", "shown", "noted")


@pytest.fixture
def start(warehouse_stack: Endpoints, hour: Hour) -> Iterator[Start]:
    """Starts a copy, of the test's hour unless it is told another, in a process of its own; none outlives the test."""
    started: list[subprocess.Popen[str]] = []

    def start(
        stream: str = hour.spec.name, of: LandingHour = hour.hour, **more: str
    ) -> subprocess.Popen[str]:
        environment = {**warehouse_stack.platform_variables(), "PATH": os.environ["PATH"], **more}
        command = [sys.executable, "-m", "tests.lakehouse.child", stream, of.sql[:13]]
        process = subprocess.Popen(
            command, cwd=PROJECT_ROOT, env=environment, stdout=subprocess.PIPE, text=True
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


@pytest.fixture
def proxy(warehouse_stack: Endpoints) -> Iterator[S3Proxy]:
    """A way to S3 on which things go wrong."""
    proxy = S3Proxy(urlsplit(warehouse_stack.s3_url).port or 0, "no such key")
    yield proxy
    proxy.close()


@pytest.fixture
def changed(hour: Hour, lakehouse: Lakehouse) -> Hour:
    """An hour that was copied, and changed since."""
    hour.drop_records("a", 1, 2)
    hour.run()
    copy(lakehouse, hour)
    hour.drop_records("late", *range(10, 40))
    hour.run()
    return hour


@pytest.mark.parametrize("place", [*WRITES_BEFORE, *WRITES_AFTER])
def test_a_copy_that_is_killed_leaves_all_or_nothing(
    changed: Hour, lakehouse: Lakehouse, start: Start, place: str
):
    """Half of an hour stays behind; or the run after it adds its rows once more."""
    process = start(WEBLOGS_FAILPOINT=f"lakehouse:{place}")
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert len(copied(lakehouse, changed)) == (2 if place in WRITES_BEFORE else 32)
    assert start().communicate()[0].split()[1:] == ["32"]
    assert copied(lakehouse, changed) == changed.rows()
    assert copy(lakehouse, changed).action == "nothing"


@pytest.mark.parametrize("operation", ["put_delta_file", "put_delta_log"])
@pytest.mark.parametrize("fault", ["reset", "lost"])
def test_a_copy_that_is_killed_while_it_writes_leaves_all_or_nothing(
    changed: Hour, lakehouse: Lakehouse, start: Start, proxy: S3Proxy, operation: str, fault: str
):
    """Data files without a commit are read; or a commit whose writer is gone is made twice."""
    process = start(AWS_ENDPOINT_URL_S3=f"http://127.0.0.1:{proxy.port}")
    proxy.plan = Plan(operation, fault, 1, on_strike=process.kill)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    arrived = (operation, fault) == ("put_delta_log", "lost")
    assert len(copied(lakehouse, changed)) == (32 if arrived else 2)
    assert start().communicate()[0].split() == ["nothing" if arrived else "written", "32"]
    assert copied(lakehouse, changed) == changed.rows()


@pytest.mark.parametrize("fault", ["reset", "lost", "internal", "slow_down"])
def test_a_commit_without_an_answer_is_made_once(
    changed: Hour, lakehouse: Lakehouse, start: Start, proxy: S3Proxy, fault: str
):
    """The writer takes its own commit for another's, or writes it a second time."""
    before = lakehouse.open(changed.spec).table.version()
    proxy.plan = plan = Plan("put_delta_log", fault, 1)
    process = start(AWS_ENDPOINT_URL_S3=f"http://127.0.0.1:{proxy.port}")
    said, _ = process.communicate()
    assert (plan.struck, process.returncode, said.split()[1:]) == (1, 0, ["32"])
    assert copied(lakehouse, changed) == changed.rows()
    assert lakehouse.open(changed.spec).table.version() == before + 1


def test_writers_beside_each_other_write_an_hour_once(changed: Hour, lakehouse: Lakehouse, start: Start):
    """Four runs of one hour leave its rows four times, or one of them fails."""
    before = lakehouse.open(changed.spec).table.version()
    processes = [start() for _ in range(4)]
    said = Counter(process.communicate()[0].split()[0] for process in processes)
    assert said == {"written": 1, "nothing": 3}
    assert copied(lakehouse, changed) == changed.rows()
    assert lakehouse.open(changed.spec).table.version() == before + 1
