"""Values of records, planted wherever a record can hold one, and the look for them in what the platform writes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from assets.automation.runs import range_tags
from tests.pipeline.hours import Hour
from tests.pipeline.records import encoded, web_log
from weblogs_platform.definitions import build_definitions
from weblogs_platform.local.endpoints import Endpoints

SECRET = "zq7planted"
"""What every planted value holds."""


def planted(n: int) -> str:
    return f"{SECRET}{n:03}@example.com"


def hostile_objects() -> Iterator[tuple[str, bytes]]:
    """Good and bad records whose values, keys and broken pieces hold SECRET."""
    good = web_log(1, user_id=planted(1), session_id=planted(2), page=planted(3))
    yield "good", encoded(good)
    yield "cut", encoded(web_log(2, user_id=planted(4) * 30))
    keys = {**web_log(3), planted(5): 1, f"a\n{planted(6)}": 2}
    keys["payload"] |= {planted(7): {planted(8): 1}}
    yield "keys", encoded(keys)
    yield (
        "broken",
        b'{"timestamp": "' + planted(9).encode() + b'", "payload": {"user_id": "' + planted(10).encode(),
    )
    yield "null", encoded(web_log(4, session_id=None, user_id=planted(11)))
    yield (
        "types",
        encoded({"timestamp": planted(12), "payload": {**good["payload"], "timestamp": planted(13)}}),
    )
    yield "text", planted(14).encode()
    yield "twice", encoded(good)


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """An instance whose event log and run storage are files."""
    (tmp_path / "dagster").mkdir()
    with dg.DagsterInstance.local_temp(str(tmp_path / "dagster")) as made:
        yield made


@pytest.fixture
def planted_hour(hour: Hour) -> Hour:
    for name, body in hostile_objects():
        hour.drop(name, body)
    return hour


def run(instance: dg.DagsterInstance, hour: Hour, stack: Endpoints) -> dg.ExecuteInProcessResult:
    variables = {**stack.platform_variables(), "WEBLOGS_HOME": str(stack.home)}
    job = build_definitions(variables=variables).resolve_job_def(f"load_{hour.spec.name}")
    return job.execute_in_process(
        instance=instance, tags=range_tags([hour.hour, hour.hour]), raise_on_error=False
    )


def files_with_secret(folder: Path) -> list[str]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert files
    return [str(path.relative_to(folder)) for path in files if SECRET.encode() in path.read_bytes()]
