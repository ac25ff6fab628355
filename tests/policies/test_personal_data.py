"""Values of records are planted everywhere in what is delivered; nothing that the platform says may hold one."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

from assets.automation.signals import reason_of
from assets.hour_steps import HourSteps
from tests.pipeline.hours import Hour
from tests.policies.planted import SECRET, files_with_secret, planted, run
from weblogs_platform.core.errors import StatementRefused
from weblogs_platform.core.report import OTHER_MEMBERS
from weblogs_platform.local.endpoints import Endpoints


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
