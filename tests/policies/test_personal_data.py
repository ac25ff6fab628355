"""Values of records are planted everywhere in what is delivered; nothing that the platform says may hold one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from assets.automation.runs import range_tags
from assets.automation.signals import reason_of
from assets.hour_steps import HourSteps
from tests.pipeline.hours import Hour
from tests.pipeline.records import encoded, web_log
from weblogs_platform.core.errors import StatementRefused
from weblogs_platform.core.report import OTHER_MEMBERS
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
    with dg.DagsterInstance.local_temp(str(tmp_path)) as made:
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


def test_a_run_over_planted_values_tells_none(
    planted_hour: Hour,
    instance: dg.DagsterInstance,
    warehouse_stack: Endpoints,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """A check names the value that it refuses, drift names a key that is one, or a log quotes a record."""
    result = run(instance, planted_hour, warehouse_stack)
    assert any(event.is_step_materialization for event in result.all_events)
    report = planted_hour.validate()
    assert (report.records, report.good > 0, report.bad > 0) == (report.good + report.bad, True, True)
    assert report.present[OTHER_MEMBERS] >= 1
    assert files_with_secret(tmp_path) == []
    shown = capfd.readouterr()
    assert SECRET not in shown.out + shown.err
    assert files_with_secret(warehouse_stack.home / "logs") == []
    zones = ("reports", "manifests")
    for key, (_, body) in planted_hour.derived_objects().items():
        if key.startswith(zones):
            assert SECRET.encode() not in body, key


def test_an_unexpected_error_tells_where_and_not_what(
    planted_hour: Hour,
    instance: dg.DagsterInstance,
    warehouse_stack: Endpoints,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """A bug raises KeyError(value), and event log, run log and alert quote it."""

    def surprised(*_: object, **__: object) -> None:
        raise KeyError(planted(20))

    monkeypatch.setattr(HourSteps, "landing", surprised)
    result = run(instance, planted_hour, warehouse_stack)
    assert not result.success
    [failure] = result.get_step_failure_events()
    alert = reason_of(failure)
    assert "unexpected KeyError" in alert
    assert SECRET not in alert
    assert files_with_secret(tmp_path) == []
    shown = capfd.readouterr()
    assert SECRET not in shown.out + shown.err
    assert "surprised" in shown.err


@pytest.mark.parametrize(
    "statement",
    [
        f"SELECT CAST('{planted(30)}' AS INTEGER)",
        f"SELECT CAST('it''s {planted(31)}' AS TIMESTAMP)",
        f"SELECT CAST('{planted(32)}' AS DECIMAL(5, 2))",
        "SELECT CAST(session_id AS INTEGER) FROM shopware_stream.web_logs_stream",
    ],
)
def test_a_refused_value_is_not_quoted(planted_hour: Hour, statement: str) -> None:
    """A cast fails, and the server's words carry the value into an error of the platform."""
    planted_hour.run()
    with pytest.raises(StatementRefused) as refused, planted_hour.warehouse.transaction() as tx:
        tx.fetch_all(statement)
    assert SECRET not in str(refused.value)
